"""Real Debian hosts for tests: booted systemd, sshd and apt, in namespaces that vanish."""
