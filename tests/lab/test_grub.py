"""A new kernel booted once: GRUB's own tools and menu, on a host that another loader has booted.

A container boots no kernel, so what is read and written is shown here, and a boot is not.
"""

from __future__ import annotations

import subprocess

import pytest

from engine.jobs.script import shipped
from engine.model.facts import GrubMenu
from engine.programs.grub import devices_gone, parse
from tests.lab.conftest import NewHost
from tests.lab.machine import Machine

OLD, NEW = "6.1.0-18-amd64", "6.1.0-25-amd64"
PROBE = """#!/bin/sh
case $* in
*abstraction*) cat /run/abstraction 2>/dev/null ;;
*target=device*) echo /dev/vda1 ;;
*target=disk*) cat /run/disk ;;
*fs_uuid*) echo 1234-uuid ;;
*target=fs*) echo ext2 ;;
*partmap*) echo msdos ;;
*) exit 1 ;;
esac
"""
MAKE = f"""set -e
apt-get update -q
apt-get install -y -q --no-install-recommends grub-common grub2-common
dpkg-divert --local --rename --add /usr/sbin/grub-probe
install -m 755 /root/probe /usr/sbin/grub-probe
for release in {OLD} {NEW}; do echo x | tee /boot/vmlinuz-$release >/boot/initrd.img-$release; done
mkdir -p /boot/grub /var/lib/hostshift
grub-editenv /boot/grub/grubenv create
grub-mkconfig -o /boot/grub/grub.cfg
"""
SAVED = "echo GRUB_DEFAULT=saved >>/etc/default/grub; grub-mkconfig -o /boot/grub/grub.cfg"


def called(host: Machine, call: str, *, kernel: str = OLD) -> subprocess.CompletedProcess[str]:
    """A function of the shipped file, on the host."""
    say = 'root=; say() { echo "$*"; }; uname() { echo ' + kernel + "; }"
    return host.inside(
        f"{say}\n{shipped('grub_menu.sh')}\n{shipped('grub.sh')}\n{call}", check=False
    )


def menu(host: Machine) -> GrubMenu | None:
    """What the probe finds, were the host on a disk that GRUB can write."""
    return parse(called(host, "grub_writes() { :; }; look_grub").stdout.encode())


def environment(host: Machine) -> dict[str, str]:
    said = host.inside("grub-editenv /boot/grub/grubenv list").stdout
    return dict(line.partition("=")[::2] for line in said.splitlines())


@pytest.fixture
def host(new_host: NewHost) -> Machine:
    host = new_host()
    (host.root / "root/probe").write_text(PROBE)
    host.inside(MAKE, timeout=300)
    return host


def test_a_new_kernel_is_booted_once_and_then_by_itself(host: Machine) -> None:
    assert menu(host) == GrubMenu((NEW, OLD), saved=False, newest=True, writes=True)
    host.inside(SAVED)
    assert menu(host) == GrubMenu((NEW, OLD), saved=True, newest=True, writes=True)
    assert "writes=no" in called(host, "look_grub").stdout, "GRUB can't write to an overlay"

    for _ in range(2):
        done = called(host, f"grub_once {OLD} {NEW}")
        assert done.returncode == 0, done.stdout + done.stderr
    way = "gnulinux-advanced-1234-uuid>gnulinux-{}-advanced-1234-uuid"
    assert environment(host) == {"saved_entry": way.format(OLD), "next_entry": way.format(NEW)}
    assert menu(host) == GrubMenu((NEW, OLD), saved=True, newest=True, writes=True), "it is ours"

    stays = called(host, "grub_settle", kernel=OLD)
    assert stays.returncode == 1
    assert environment(host)["saved_entry"] == way.format(OLD)
    assert called(host, "grub_settle", kernel=NEW).returncode == 0
    assert environment(host) == {}
    assert not (host.root / "var/lib/hostshift/grub-default").exists()
    assert called(host, "grub_settle", kernel=NEW).returncode == 0, "twice is once"


def test_a_release_upgrade_tries_the_newest_or_goes_on_without(host: Machine) -> None:
    host.inside(SAVED)
    same = called(host, f"grub_once {NEW}")
    assert (same.returncode, environment(host)) == (0, {})
    assert "no newer kernel" in same.stdout
    lost = called(host, "grub_once 5.10.0-1-amd64")
    assert (lost.returncode, environment(host)) == (0, {})
    assert called(host, "grub_settle", kernel=NEW).returncode == 0, "nothing was begun"
    assert called(host, f"grub_once {OLD}").returncode == 0
    assert environment(host)["next_entry"].endswith(f">gnulinux-{NEW}-advanced-1234-uuid")
    assert called(host, "grub_settle", kernel=OLD).returncode == 1
    assert called(host, "grub_settle", kernel=NEW).returncode == 0
    assert environment(host) == {}
    assert not list((host.root / "var/lib/hostshift").glob("grub-*"))


def test_the_disk_of_the_boot_loader_is_chosen_where_it_is_gone(host: Machine) -> None:
    question = "grub-pc grub-pc/install_devices multiselect /dev/gone, /dev/null"
    host.inside(f"echo '{question}' | debconf-set-selections; mkdir -p /boot/grub/i386-pc")
    assert devices_gone(called(host, "look_grub_devices").stdout.encode()) == ()
    host.inside(": >/boot/grub/i386-pc/core.img")
    assert devices_gone(called(host, "look_grub_devices").stdout.encode()) == ("/dev/gone",)
    host.inside("printf '/dev/null\n/dev/zero\n' >/run/disk")
    device = shipped("grub_device.sh")
    several = called(host, f"{device}\ngrub_device")
    assert several.returncode == 1
    assert "don't lie on one disk" in several.stdout
    host.inside(
        "echo /dev/null >/run/disk; mkdir -p /dev/disk/by-id; ln -s ../../null /dev/disk/by-id/one"
    )
    chosen = called(host, f"{device}\ngrub_device")
    assert chosen.returncode == 0, chosen.stdout + chosen.stderr
    said = host.inside("debconf-show grub-pc").stdout
    assert "install_devices: /dev/disk/by-id/one" in said
    assert devices_gone(called(host, "look_grub_devices").stdout.encode()) == ()


def test_what_a_person_has_chosen_stays(host: Machine) -> None:
    host.inside(f"{SAVED}; grub-set-default 'gnulinux-simple-1234-uuid'")
    found = menu(host)
    assert found is not None
    assert not found.newest
    host.inside("rm /boot/vmlinuz-6.1.0-25-amd64; grub-mkconfig -o /boot/grub/grub.cfg")
    gone = called(host, f"grub_once {OLD} {NEW}")
    assert gone.returncode == 1
    assert "run update-grub" in gone.stdout
    host.inside("echo lvm >/run/abstraction")
    refused = called(host, f"grub_once {OLD} {OLD}")
    assert refused.returncode == 1
    assert "would boot that entry for ever" in refused.stdout
    assert environment(host) == {"saved_entry": "gnulinux-simple-1234-uuid"}
