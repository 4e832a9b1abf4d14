#!/bin/sh
# shellcheck disable=SC2034 # run is writers_hold.sh's
# quiet.sh ROOT, after writers_hold.sh and before one call of main: a successor that may not write yet says
# nothing to the world by itself (docs/replace.md). Both can be interrupted anywhere and done again.
#
#   main on RUN [UNIT...] [-- WORKER...]    hold outgoing mail, cron, at, every timer and the workers,
#                                           but none of these units
#   main free RUN WORKER...                 let workers go, and start none
#   main off RUN                            let all of it go, and run what was stopped
#
# Mail: routing rules (ip-rule(8)) that refuse TCP to the ports of SMTP, for whatever firewall there is;
# what stays on the host is not concerned, since the local table comes first. A unit makes them again
# after a reboot. The rest: a drop-in with a condition that never holds, also for a unit that is only
# installed later. Output, a line each: "word TEXT", "problem TEXT", and at the end "done".
set -u
LC_ALL=C
export LC_ALL
root=$1
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 022
home=$root/var/lib/hostshift/quiet
system=$root/etc/systemd/system
mail=hostshift-quiet-mail.service
ports='25 465 587'
by_itself='cron.service crond.service cronie.service anacron.service anacron.timer atd.service'

within() {
    timeout -k 5 "$@" </dev/null
}

word() {
    printf 'word %s\n' "$*"
}

problem() {
    printf 'problem %s\n' "$*"
}

# In the place of writers_hold.sh's: what is held for another reason, and let go at another time.
drop_in() {
    printf '%s' "$system/$1.d/zz-hostshift-quiet.conf"
}

# spared UNIT LIST: whether it is in the list, by its whole name or without ".service".
spared() {
    case " $2 " in
    *" $1 "* | *" ${1%.service} "*) return 0 ;;
    esac
    return 1
}

held() {
    for file in "$system"/*.d/zz-hostshift-quiet.conf; do
        [ -e "$file" ] || continue
        file=${file%/*}
        file=${file##*/}
        printf '%s\n' "${file%.d}"
    done
}

active() {
    within 20 systemctl is-active --quiet "$1"
}

# acting LIST: what acts by itself and isn't in the list, a line each.
acting() {
    {
        # shellcheck disable=SC2086 # units, one word each
        printf '%s\n' $by_itself
        within 20 systemctl list-units --type=timer --state=active --plain --no-legend --no-pager
    } | while read -r one _; do
        spared "$one" "$1" || printf '%s\n' "$one"
    done
}

hold_mail() {
    mkdir -p "$system/multi-user.target.wants" || return 1
    # shellcheck disable=SC2016 # for that script
    printf '%s\n' '#!/bin/sh' '# Outgoing mail is refused (on), or goes (off).' \
        'for family in -4 -6; do' "    for port in $ports; do" \
        '        rule="ipproto tcp dport $port prohibit" at=$((30000 + port)) n=0' \
        '        while [ $n -lt 20 ] && ip $family rule del pref $at $rule 2>/dev/null; do' \
        '            n=$((n + 1))' \
        '        done' \
        '        [ "$1" = off ] || ip $family rule add pref $at $rule || [ $family = -6 ] || exit 1' \
        '    done' 'done' >"$home/mail.new"
    mv -f "$home/mail.new" "$home/mail"
    printf '%s\n' '[Unit]' 'Description=Outgoing mail is held until this server may write' \
        'DefaultDependencies=no' "RequiresMountsFor=/var/lib/hostshift" 'Before=network-pre.target' \
        'Wants=network-pre.target' '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' \
        "ExecStart=/bin/sh /var/lib/hostshift/quiet/mail on" \
        "ExecStop=/bin/sh /var/lib/hostshift/quiet/mail off" >"$system/$mail"
    ln -sf "../$mail" "$system/multi-user.target.wants/$mail"
    within 60 systemctl daemon-reload
    within 60 systemctl restart "$mail" 2>/dev/null
}

free_mail() {
    [ -e "$system/$mail" ] || [ -e "$home/mail" ] || return 0
    within 60 systemctl stop "$mail" 2>/dev/null
    [ ! -e "$home/mail" ] || within 60 sh "$home/mail" off || return 1
    rm -f "$system/multi-user.target.wants/$mail" "$system/$mail" "$home/mail"
    within 60 systemctl daemon-reload
    ! { ip -4 rule show && ip -6 rule show; } 2>/dev/null | grep -qE '^30(025|465|587):.* prohibit'
}

on() {
    spare=''
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        spare="$spare $1"
        shift
    done
    [ $# -eq 0 ] || shift
    if hold_mail; then
        word "mail to TCP ports $ports is refused"
    else
        problem "outgoing mail is not held: this host's ip(8) or kernel has no rules by port"
    fi
    units="$(acting "$spare") $*"
    for one in $units; do hold_unit "$one"; done
    within 60 systemctl daemon-reload || problem 'systemctl daemon-reload failed'
    stopped=''
    for one in $units; do
        active "$one" || continue
        # Noted before it is stopped: what was not running is started by nobody.
        printf '%s\n' "$one" >>"$home/ran"
        within 60 systemctl stop "$one" 2>/dev/null
        if active "$one"; then problem "$one did not stop"; else stopped="$stopped $one"; fi
    done
    [ -z "$stopped" ] || word "held:$stopped"
}

free() {
    for one in "$@"; do release_unit "$one"; done
    within 60 systemctl daemon-reload || problem 'systemctl daemon-reload failed'
}

off() {
    free_mail || problem 'outgoing mail is still refused'
    was=$(held)
    for one in $was; do release_unit "$one"; done
    within 60 systemctl daemon-reload || problem 'systemctl daemon-reload failed'
    for one in $was; do
        # What would run after a boot runs, and what ran.
        case $(within 20 systemctl is-enabled "$one" 2>/dev/null) in
        enabled*) ;;
        *) grep -qxF -e "$one" "$home/ran" 2>/dev/null || continue ;;
        esac
        within 60 systemctl start "$one" 2>/dev/null
        active "$one" || problem "$one does not run"
    done
    rm -rf "$home"
}

main() {
    if [ ! -d "$root/run/systemd/system" ]; then
        problem 'systemd does not run there: nothing is held'
    else
        verb=$1 run=$2
        shift 2
        mkdir -p "$home" && "$verb" "$@"
    fi
    echo 'done'
}
