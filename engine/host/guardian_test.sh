# shellcheck shell=sh disable=SC2154 # armed and root are guardian.sh's
# guardian_test.sh: the host's own test, by which a guard judges. A part of guardian.sh, which goes
# after it; it only defines functions.

# The first bytes of what an SSH server says (RFC 4253, section 4.2).
banner() {
    if has bash; then
        # shellcheck disable=SC2016 # bash's own parameters
        within 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && head -c 4 <&3' "$1" "$2"
    elif has ssh-keyscan; then
        within 10 ssh-keyscan -T 5 -p "$2" "$1" 2>&1 | grep -o -m 1 'SSH-'
    fi
}

# proc(5): an IPv4 address is hexadecimal there, the one of a default route zero; "*" rejects.
default_route() {
    case $1 in
    4) awk '$1 != "*" && $2 $8 ~ /^0+$/ { ok = 1 } END { exit !ok }' "$root/proc/net/route" ;;
    6) awk '$1 ~ /^0+$/ && $2 == "00" && $10 != "lo" { ok = 1 } END { exit !ok }' \
        "$root/proc/net/ipv6_route" ;;
    esac
}

# A gateway that answers no ping still answers who has its address: what is sent to it makes the
# kernel ask, at the latest after five seconds (arp(7), delay_first_probe_time).
is_neighbour() {
    has ip || return 1
    # shellcheck disable=SC2016 # bash's own parameter
    if has bash; then within 2 bash -c ': <>"/dev/tcp/$0/9"' "$1"; fi
    sleep 6
    ip neigh show to "$1" | grep -q REACHABLE
}

check() {
    case $1 in
    banner) [ "$(banner "$2" "$3")" = SSH- ] ;;
    sshd)
        # sshd refuses to look at anything without it; a stopped ssh.service takes it away.
        [ -d "$root/run/sshd" ] || (umask 022 && mkdir -p "$root/run/sshd")
        has sshd && within 20 sshd -t
        ;;
    visudo) has visudo && within 20 visudo -c -q ;;
    pam) has su && within 20 su -s /bin/sh -c : root ;;
    route) default_route "$2" ;;
    ping) has ping && within 5 ping -n -c 1 -W 2 "$2" ;;
    neighbour) is_neighbour "$2" ;;
    esac </dev/null >/dev/null 2>&1
}

# "ADDRESS PORT" of this host that the operator came in by. sudo takes SSH_CONNECTION away (ssh(1)),
# but not from the processes that began it.
came_in_by() {
    connection=${SSH_CONNECTION:-} pid=$$
    while [ -z "$connection" ] && [ "${pid:-0}" -gt 1 ]; do
        connection=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
        pid=$(sed 's/^.*) //' "/proc/$pid/stat" | cut -d' ' -f2)
    done 2>/dev/null
    # shellcheck disable=SC2086 # words
    set -- $connection
    echo "${3:-127.0.0.1} ${4:-22}" | tr -cd '0-9a-zA-Z.:% \n'
}

# Another deployment may break all of it.
concerns() {
    covers "$1" || covers deployment
}

could_be_tested() {
    echo "banner $(came_in_by)"
    ! concerns ssh || echo sshd
    ! concerns sudo || echo visudo
    ! concerns pam || echo pam
    if concerns network || concerns firewall; then
        echo 'route 4'
        echo 'route 6'
        ! has ip || ip -4 route show default |
            sed -n 's/^default via \([0-9.]*\) .*/\1/p' | sort -u | while read -r gateway; do
            if check ping "$gateway"; then way=ping; else way=neighbour; fi
            echo "$way $gateway"
        done
    fi
}

# What fails already says nothing later.
note_tests() {
    could_be_tested | while read -r line; do
        # shellcheck disable=SC2086 # words
        ! check $line || printf '%s\n' "$line"
    done >"$armed/expect"
}

failing() {
    while read -r line; do
        # shellcheck disable=SC2086 # words
        check $line || printf '%s; ' "$line"
    done <"$armed/expect"
}

# Services need a moment to come up, and gateways may be away for one.
passes() {
    since=$(uptime_s) settle=$(cat "$armed/settle")
    bad=$(failing)
    while [ -n "$bad" ]; do
        [ $(($(uptime_s) - since)) -lt "$settle" ] || return 1
        sleep 1
        bad=$(failing)
    done
}
