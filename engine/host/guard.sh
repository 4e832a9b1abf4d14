#!/bin/sh
# shellcheck disable=SC2034,SC2154 # what on_watch.sh uses
# guard.sh ROOT, after on_watch.sh and before one call of main: the dead-man switch of a run (docs/guard.md).
#
#   main arm RUN STEP TOPICS DEADLINE SETTLE STRICT FIELDS GUARDIAN
#   main confirm|withdraw|look RUN STEP
#
# arm saves what TOPICS (words) cover, notes what works, and sets GUARDIAN (the text of guardian.sh
# with its parts) on watch for DEADLINE seconds; a test gets SETTLE seconds to pass; STRICT is yes
# or no. The host's lock must be the run's. Everything lies in ROOT/var/lib/hostshift/runs/RUN/STEP
# and is complete when it gets its name, so that arming can be interrupted anywhere and done again.
# confirm and withdraw end the guard unless it has ended itself; look changes nothing. Output of
# all of them, a line each: "found" (arm: it was armed before), "state WORD" (missing, armed,
# confirmed, withdrawn, stood-down, fired), "at TIME" of the verdict, "now TIME", "left SECONDS" or
# "awaits-reboot", "watching yes|no", "failed TESTS" that it judged by, "after passes|fails" and then
# what guardian.sh's reread says, "test WORDS", "unsaved PATH", "log LINE", "done".
# Ends with 20 when the lock is another's, with 22 where systemd is not PID 1.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
root=$1
home=$root/var/lib/hostshift
system=$root/etc/systemd/system

now() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

# Below a ROOT (demo, tests) nothing is run but programs that lie there.
has() {
    found=$(command -v "$1" 2>/dev/null) || return 1
    case $found in
    "$root"/*) return 0 ;;
    esac
    return 1
}

home_of() {
    awk -F: -v user="$1" '$1 == user { print $6 }' "$root/etc/passwd" 2>/dev/null | head -n 1
}

# ---- arming

paths_of() {
    case $1 in
    ssh)
        echo /etc/ssh
        for user in root "${SUDO_USER:-root}"; do
            place=$(home_of "$user")
            [ -z "$place" ] || echo "$place/.ssh/authorized_keys"
        done | sort -u
        ;;
    sudo) printf '%s\n' /etc/sudoers /etc/sudoers.d ;;
    pam) printf '%s\n' /etc/pam.d /etc/security /etc/nsswitch.conf ;;
    network)
        printf '%s\n' /etc/network /etc/netplan /etc/systemd/network \
            /etc/NetworkManager/system-connections /etc/resolv.conf /etc/hosts
        ;;
    firewall)
        printf '%s\n' /etc/nftables.conf /etc/iptables /etc/ufw /etc/default/ufw /etc/firewalld
        ;;
    esac
}

# Copies with owners, modes, times and links; what can't be copied is not covered, and told.
save() {
    while read -r path; do
        if [ -e "$root$path" ] || [ -L "$root$path" ]; then
            copy=$work/saved$path
            if ! { mkdir -p "${copy%/*}" && cp -a "$root$path" "$copy"; }; then
                rm -rf "$copy"
                echo "$path" >>"$work/unsaved"
                continue
            fi
        fi
        echo "$path" >>"$work/covered"
    done
}

units_of() {
    case $1 in
    ssh) echo ssh.service sshd.service ssh.socket sshd.socket dropbear.service ;;
    network) echo networking.service systemd-networkd.service NetworkManager.service ;;
    firewall) echo firewalld.service ;;
    esac
}

# "TOPIC UNIT" of those that run, by their real names.
running_units() {
    has systemctl || return 0
    for topic in $topics; do
        for name in $(units_of "$topic"); do
            ! timeout 10 systemctl is-active --quiet "$name" </dev/null ||
                systemctl show -p Id "$name" </dev/null | sed -n "s/^Id=/$topic /p"
        done
    done | sort -u
}

# The rules of now, if they can be loaded again: what iptables-nft has made can't always.
dump_rules() {
    nft_can=no
    if has nft && nft list ruleset >"$work/nft.now" 2>/dev/null; then
        { echo flush ruleset; cat "$work/nft.now"; } >"$work/nft.rules"
        if nft -c -f "$work/nft.rules" 2>/dev/null; then nft_can=yes; else rm -f "$work/nft.rules"; fi
    fi
    for tool in iptables ip6tables; do
        has "$tool-save" || continue
        case $nft_can$("$tool-save" -V 2>/dev/null) in
        yes*legacy* | no*) "$tool-save" >"$work/$tool.rules" 2>/dev/null || rm -f "$work/$tool.rules" ;;
        esac
    done
}

# "DEVICE ADDRESS/LENGTH", and routes as ip(8) takes them back.
dump_network() {
    has ip || return 0
    ip -o addr show scope global 2>/dev/null |
        awk '$5 != "peer" && !/ (temporary|tentative|deprecated) / { print $2, $4 }' >"$work/addresses"
    for version in -4 -6; do
        ip "$version" route show 2>/dev/null
    done | grep -e '^default' -e ' via ' |
        sed -e 's/ linkdown//; s/ dead//; s/ expires [0-9]*sec//' >"$work/routes"
}

# Into a staged deployment the unit comes with the rest of /etc, and what is left of it in others
# does nothing once its directory is gone.
watch_over() {
    in_etc=$unit
    [ -z "$root" ] || in_etc=''
    set_on_watch "$in_etc" "guard of run $run, reverts when nobody comes back" "$dir/guard.log" \
        "$dir/armed/guardian" "$dir/armed" "$root" watch
}

make_armed() {
    work=$dir/arming.$$
    mkdir -p "$work" || exit 1
    : >"$work/unsaved" && : >"$work/covered" && : >"$work/addresses" && : >"$work/routes" || exit 1
    echo "$topics" >"$work/topics"
    echo "$deadline" >"$work/deadline"
    echo "$settle" >"$work/settle"
    echo "$strict" >"$work/strict"
    cat "$root/proc/sys/kernel/random/boot_id" >"$work/boot" 2>/dev/null
    for topic in $topics; do paths_of "$topic"; done | save
    case $topics in *network*) dump_network ;; esac
    case $topics in *firewall*) dump_rules ;; esac
    running_units >"$work/units"
    for verdict in confirmed withdrawn stood-down fired; do
        printf '%-63s\n' "$verdict" >"$work/$verdict" || exit 1
    done
    printf '%s' "$guardian" >"$work/guardian" || exit 1
    printf '{%s,"armed_at":"%s"}\n' "$fields" "$(now)" >"$work/guard.json" || exit 1
    sh "$work/guardian" "$work" "$root" note || exit 1
    [ -e "$dir/left" ] || echo "$deadline" >"$dir/left" || exit 1
    sync
    # Where another arming was faster, this moves into its directory, and goes.
    [ -d "$dir/armed" ] || mv "$work" "$dir/armed"
    rm -rf "$work" "$dir/armed/${work##*/}"
}

arm() {
    topics=$3 deadline=$4 settle=$5 strict=$6 fields=$7 guardian=$8
    case $(cat "$home/lock" 2>/dev/null) in
    '{"run":"'"$run"'",'*) ;;
    *)
        echo other
        cat "$home/lock" 2>/dev/null
        exit 20
        ;;
    esac
    [ -d "$root/run/systemd/system" ] || exit 22
    if [ -d "$dir/armed" ]; then echo found; else make_armed; fi
    if [ ! -e "$dir/verdict" ] && ! watching; then
        printf '%s armed for %s\n' "$(now)" "$topics" >>"$dir/guard.log"
        watch_over
    fi
    look
}

# ---- ending

# Copies of private keys don't stay longer than they are of use.
end_as() {
    if [ -d "$dir/armed" ]; then
        sh "$dir/armed/guardian" "$dir/armed" "$root" decide "$1" >>"$dir/guard.log" 2>&1
        case $(cat "$dir/verdict" 2>/dev/null) in
        confirmed* | withdrawn*)
            [ -n "$root" ] || systemctl stop "$unit" </dev/null >/dev/null 2>&1
            remove_watch "$unit"
            rm -rf "$dir/armed/saved" "$dir"/arming.*
            echo 0 >"$dir/exit"
            ;;
        esac
    fi
    look
}

confirm() {
    end_as confirmed
}

withdraw() {
    end_as withdrawn
}

# ---- looking

same_boot() {
    [ "$(cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null)" = "$(cat "$dir/armed/boot")" ]
}

look() {
    if [ ! -d "$dir/armed" ]; then
        echo 'state missing'
        echo 'done'
        return
    fi
    if [ -e "$dir/verdict" ]; then
        read -r word moment <"$dir/verdict"
        echo "state $word"
        echo "at $moment"
    else
        echo 'state armed'
        if [ -e "$dir/armed/deployment" ] && same_boot; then
            echo awaits-reboot
        else
            echo "left $(cat "$dir/left")"
        fi
        if watching; then echo 'watching yes'; else echo 'watching no'; fi
    fi
    echo "now $(now)"
    [ ! -e "$dir/failed" ] || sed 's/^/failed /' "$dir/failed"
    if [ -e "$dir/after" ]; then
        sed 's/^/after /' "$dir/after"
        sh "$dir/armed/guardian" "$dir/armed" "$root" reread
    fi
    sed 's/^/test /' "$dir/armed/expect"
    sed 's/^/unsaved /' "$dir/armed/unsaved"
    [ ! -e "$dir/guard.log" ] || tail -n 60 "$dir/guard.log" | head -c 16384 | sed 's/^/log /'
    echo 'done'
}

main() {
    verb=$1 run=$2 step=$3
    case $run$step in
    '' | *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    dir=$home/runs/$run/$step
    unit=hostshift-guard-$run-$step.service
    case $verb in
    arm)
        shift
        arm "$@"
        ;;
    confirm | withdraw | look) "$verb" ;;
    *) exit 2 ;;
    esac
}
