"""Which packages bring a kernel, and so files to /boot."""

from __future__ import annotations

import pytest

from engine.programs.kernel import is_image


@pytest.mark.parametrize(
    ("package", "image"),
    [
        ("linux-image-6.1.0-41-amd64", True),
        ("linux-image-unsigned-6.8.0-90-generic", True),
        ("proxmox-kernel-6.8.12-5-pve-signed", True),
        ("pve-kernel-5.15.158-2-pve", True),
        ("linux-image-amd64", False),
        ("linux-image-generic-hwe-24.04", False),
        ("proxmox-default-kernel", False),
        ("linux-headers-6.1.0-41-amd64", False),
    ],
)
def test_an_image_has_a_version_in_its_name(package: str, image: bool) -> None:
    assert is_image(package) is image
