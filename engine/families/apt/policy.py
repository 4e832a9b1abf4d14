"""By which rules apt works here: nobody is asked, changed files stay, locks are waited for."""

from __future__ import annotations

LOCK_WAIT_S = 600
"""Seconds to wait for dpkg's lock: apt-daily-upgrade is usually done within ten minutes."""
PROGRESS_FD = 3
"""The descriptor on which the job's ``progress`` file is open (docs/runs.md)."""

ENVIRONMENT: tuple[tuple[str, str], ...] = (
    ("APT_LISTBUGS_FRONTEND", "none"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("LANGUAGE", ""),
    ("LC_ALL", "C.UTF-8"),
    ("NEEDRESTART_MODE", "l"),  # list what should be restarted, restart nothing
    ("UCF_FORCE_CONFFOLD", "1"),  # ucf asks by debconf, which dpkg's own options don't answer
)
POLICY = (
    # Files that someone edited are kept, the package's version lies beside it as .dpkg-dist.
    *("-o", "Dpkg::Options::=--force-confdef"),
    *("-o", "Dpkg::Options::=--force-confold"),
    *("-o", f"DPkg::Lock::Timeout={LOCK_WAIT_S}"),
    *("-o", f"APT::Status-Fd={PROGRESS_FD}"),
)
