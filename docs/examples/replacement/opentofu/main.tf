# One server. Each has a workspace, and so a state, of its own: making server2 never touches server1.

terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud", version = "~> 1.48" }
    tls    = { source = "hashicorp/tls", version = "~> 4.0" }
  }
}

variable "name" {
  type = string
}

variable "image" {
  type    = string
  default = "debian-13"
}

# The host key is made here, so that it is known before anyone connects. It stands in the state:
# keep that where secrets may be.
resource "tls_private_key" "host" {
  algorithm = "ED25519"
}

resource "hcloud_server" "host" {
  name        = var.name
  image       = var.image
  server_type = "cx22"
  user_data = "#cloud-config\n${yamlencode({
    hostname       = var.name
    ssh_deletekeys = true
    ssh_keys = {
      ed25519_private = tls_private_key.host.private_key_openssh
      ed25519_public  = trimspace(tls_private_key.host.public_key_openssh)
    }
  })}"

  lifecycle {
    # A newer image or other user data would make the server anew, and its data would be gone.
    ignore_changes = [image, user_data]
  }
}

# What hostshift reads: one line of JSON.
output "hostshift" {
  value = jsonencode({
    address   = hcloud_server.host.ipv4_address
    host_keys = [trimspace(tls_private_key.host.public_key_openssh)]
    id        = hcloud_server.host.id
  })
}
