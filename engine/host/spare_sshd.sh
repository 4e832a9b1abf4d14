#!/bin/sh
# spare_sshd.sh ROOT, then one call of main: a second sshd that packages can't break, for the time of a
# release upgrade (docs/release-upgrade.md). Needs systemd as PID 1.
#
#   main start PORT    copy sshd and its configuration, and run the copy at that port; twice is once
#   main end           stop it, and remove what was copied; who is logged in by it stays
#
# Everything lies in ROOT/var/lib/hostshift/spare. Prints "started" or "ended", or "problem TEXT".
set -u
LC_ALL=C
export LC_ALL
root=$1
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
home=$root/var/lib/hostshift/spare
unit=hostshift-spare-sshd.service
longest_s=86400 # a run that nobody carries on leaves no door open for longer

within() {
    timeout -k 5 "$@" </dev/null
}

problem() {
    printf 'problem %s\n' "$*"
    exit 0
}

listens() {
    grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf '%04X' "$1") .* 0A " \
        "$root/proc/net/tcp" "$root/proc/net/tcp6" 2>/dev/null
}

start() {
    port=$1
    if within 20 systemctl is-active --quiet "$unit"; then
        echo started
        return
    fi
    [ -z "$root" ] || problem 'this is no host of its own' # demo, tests
    ! listens "$port" || problem "something else listens at port $port there"
    daemon=$(command -v sshd) || problem 'there is no sshd'
    rm -rf "$home"
    mkdir -p "$home" || exit 1
    { cp -p "$daemon" "$home/sshd" && cp -p "$root/etc/ssh/sshd_config" "$home/"; } ||
        problem 'sshd or its configuration could not be copied'
    set -- -f "$home/sshd_config" -p "$port" -o PidFile=none
    # From OpenSSH 9.8 on a session is a program of its own (sshd_config(5)).
    for program in "$root"/usr/lib/openssh/sshd-session "$root"/usr/lib/openssh/sshd-auth; do
        [ -x "$program" ] || continue
        cp -p "$program" "$home/" || problem "$program could not be copied"
        case $program in
        *-session) option=SshdSessionPath ;;
        *) option=SshdAuthPath ;;
        esac
        ! "$home/sshd" -t "$@" -o "$option=$home/${program##*/}" 2>/dev/null ||
            set -- "$@" -o "$option=$home/${program##*/}"
    done
    said=$("$home/sshd" -t "$@" 2>&1) || problem "the copied sshd refuses its configuration: $said"
    [ -d "$root/run/sshd" ] || mkdir -m 0755 "$root/run/sshd"
    # A session that somebody works in outlives the daemon (systemd.kill(5)).
    said=$(within 60 systemd-run --quiet --collect --unit="$unit" -p KillMode=process \
        -p RuntimeMaxSec="$longest_s" -p OOMScoreAdjust=-1000 "$home/sshd" -D "$@" 2>&1) ||
        problem "it could not be started: $said"
    tries=20
    while [ "$tries" -gt 0 ]; do
        within 5 systemctl is-active --quiet "$unit" || break
        if listens "$port"; then
            echo started
            return
        fi
        tries=$((tries - 1))
        sleep 0.5
    done
    within 30 systemctl stop "$unit"
    problem "it does not listen at port $port: has a ListenAddress a port of its own?"
}

end() {
    [ -z "$root" ] || {
        echo ended
        return
    }
    within 60 systemctl stop "$unit" 2>/dev/null
    rm -rf "$home"
    if [ -e "$home" ]; then problem "$home could not be removed"; fi
    if within 20 systemctl is-active --quiet "$unit"; then problem "$unit did not stop"; fi
    echo ended
}

main() {
    case $1 in
    start | end) "$@" ;;
    *) exit 2 ;;
    esac
}
