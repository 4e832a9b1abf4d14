"""What writes by itself on any server of a distribution: it touches no service's data."""

from __future__ import annotations

from typing import Final

TIMERS: Final = frozenset((
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "exim4-base.timer", "fstrim.timer", "fwupd-refresh.timer", "logrotate.timer", "man-db.timer",
    "mdadm-last-resort.timer", "mdcheck_continue.timer", "mdcheck_start.timer",
    "mdmonitor-oneshot.timer", "motd-news.timer", "phpsessionclean.timer",
    "plocate-updatedb.timer", "snapd.snap-repair.timer", "sysstat-collect.timer",
    "sysstat-rotate.timer", "sysstat-summary.timer", "systemd-tmpfiles-clean.timer",
    "ua-timer.timer", "unbound-anchor.timer", "update-notifier-download.timer",
    "update-notifier-motd.timer", "xfs_scrub_all.timer",
))  # fmt: skip

CRON: Final = frozenset((
    "/etc/anacrontab", "/etc/crontab", "/etc/cron.d/anacron", "/etc/cron.d/e2scrub_all",
    "/etc/cron.d/mdadm", "/etc/cron.d/php", "/etc/cron.d/popularity-contest",
    "/etc/cron.d/sysstat", "/etc/cron.daily/apport", "/etc/cron.daily/apt-compat",
    "/etc/cron.daily/aptitude", "/etc/cron.daily/bsdmainutils", "/etc/cron.daily/dpkg",
    "/etc/cron.daily/exim4-base", "/etc/cron.daily/locate", "/etc/cron.daily/logrotate",
    "/etc/cron.daily/man-db", "/etc/cron.daily/mdadm", "/etc/cron.daily/passwd",
    "/etc/cron.daily/plocate", "/etc/cron.daily/popularity-contest", "/etc/cron.daily/sysstat",
    "/etc/cron.daily/ubuntu-advantage-tools", "/etc/cron.daily/update-notifier-common",
    "/etc/cron.weekly/man-db", "/etc/cron.weekly/update-notifier-common",
))  # fmt: skip
