"""What the next boot does otherwise."""

from __future__ import annotations

from dataclasses import replace

from engine.candidates.boot import boot_chain, next_boot
from engine.model.candidate import Candidate, Effects
from engine.model.facts import Change, Facts, Kernel, Reboot
from engine.programs.kernel import release_of
from tests.unit.builders import facts, install, remove, upgrade

RUNNING = "6.1.0-40-amd64"
NEW = install("linux-image-6.1.0-41-amd64")
HOST = replace(facts(), kernel=Kernel(RUNNING, RUNNING))
UPGRADE = Candidate("upgrade", "upgrade", "", effects=Effects(reboot=True))
REBOOT = Candidate("reboot", "reboot", "", effects=Effects(reboot=True))


def test_the_chain_names_what_boots_with_its_versions() -> None:
    grub = Change("grub-pc", "upgrade", "2.06-13", "2.06-14", "", False, "amd64")
    said = boot_chain((upgrade("vim"), NEW, grub, remove("linux-image-6.1.0-39-amd64:amd64")))
    assert [line.split(" ")[0] for line in said] == [
        "grub-pc", "linux-image-6.1.0-39-amd64:amd64", NEW.name,
    ]  # fmt: skip
    assert said[0] == "grub-pc 2.06-13 → 2.06-14"
    assert said[1].endswith(" removed")
    assert said[2].endswith(" new")
    assert boot_chain((upgrade("systemd"),))
    assert boot_chain((upgrade("vim"),)) == ()
    many = boot_chain([upgrade(f"grub-{number}") for number in range(20)])
    assert many[-1] == "and 12 more"


def test_the_kernel_that_comes() -> None:
    def said(candidate: Candidate, *changes: Change, found: Facts = HOST) -> tuple[str, ...]:
        return next_boot(found, replace(candidate, changes=changes))

    to_new = f"kernel {RUNNING} → 6.1.0-41-amd64"
    assert said(UPGRADE, NEW) == (to_new,)
    gone = remove(f"linux-image-{RUNNING}")
    assert said(UPGRADE, NEW, gone) == (f"{to_new}; {RUNNING} is removed",)
    assert said(UPGRADE, install("linux-image-6.1.0-41-cloud-amd64")) == (
        f"kernel {RUNNING}, as now",
    )
    assert said(UPGRADE, upgrade("libc6")) == (f"kernel {RUNNING}, as now",)
    assert said(replace(UPGRADE, effects=Effects(reboot=False)), upgrade("vim")) == ()
    due = replace(
        HOST,
        kernel=Kernel(RUNNING, "6.1.0-41-amd64"),
        reboot=Reboot(True, ("kernel 6.1.0-41-amd64 is installed",)),
    )
    assert said(REBOOT, found=due) == (to_new, "kernel 6.1.0-41-amd64 is installed")
    box = replace(HOST, kernel=Kernel(RUNNING, None))
    assert said(REBOOT, found=box) == (f"kernel {RUNNING}, as now, as far as can be told",)
    assert said(REBOOT, found=replace(HOST, kernel=Kernel())) == ()


def test_the_kernel_of_a_package() -> None:
    assert release_of("linux-image-6.1.0-41-amd64:amd64") == "6.1.0-41-amd64"
    assert release_of("linux-image-unsigned-6.8.0-45-generic") == "6.8.0-45-generic"
    assert release_of("linux-image-6.1.0-41-amd64-unsigned") == "6.1.0-41-amd64"
    assert release_of("linux-image-amd64") is None
    assert release_of("vim") is None
