# shellcheck shell=sh
# clock.sh: a function that has the host's own time service set its clock; it stands before a job's calls
# (act.sh).
# shellcheck disable=SC2154 # root is act.sh's
running_service() {
    systemctl is-active --quiet "$1" 2>/dev/null
}

# clock_set SECONDS: by chrony, else by systemd-timesyncd, else by ntpd, whichever is there; then wait
# until it says that the clock is right.
clock_set() {
    say "before: $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    if command -v chronyc >/dev/null 2>&1; then
        for unit in chrony chronyd; do
            running_service "$unit" || systemctl start "$unit" 2>/dev/null
        done
        chronyc -a makestep && chronyc waitsync "$(($1 / 5))" 1 0 5
    elif systemctl cat systemd-timesyncd.service >/dev/null 2>&1; then
        timedatectl set-ntp true && systemctl restart systemd-timesyncd && wait_synchronized "$1"
    elif systemctl cat ntpsec.service >/dev/null 2>&1 || systemctl cat ntp.service >/dev/null 2>&1; then
        # ntpd sets the clock in one step when it starts with -g, as the distributions start it (ntpd(8)).
        systemctl restart ntpsec 2>/dev/null || systemctl restart ntp || return 1
        wait_synchronized "$1"
    else
        say "no time service is installed: apt-get install systemd-timesyncd, or set it by date(1)"
        return 1
    fi
    set_status=$?
    say "after: $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    return $set_status
}

# What the kernel was told (adjtimex(2)), as timedatectl(1) says it.
wait_synchronized() {
    until_s=$(($(up) + $1))
    while [ "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)" != yes ]; do
        if [ "$(up)" -ge "$until_s" ]; then
            say "no time server has answered within $1 s: look at the service's servers, and at port 123"
            return 1
        fi
        sleep 1
    done
}

# Seconds that no change of the clock moves.
up() {
    cut -d. -f1 "$root/proc/uptime"
}
