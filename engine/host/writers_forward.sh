# shellcheck shell=sh disable=SC2154 # root, run, dir and system are writers.sh's
# writers_forward.sh: what still comes to server1 once its successor serves is passed on to that.
# A part of writers.sh, which goes after it; it only defines functions.
#
# One socket unit for each port, with systemd-socket-proxyd(8) behind it. They last across a reboot,
# and only a host that has given its token away has them: it runs no writer that could be meant.

proxy_program() {
    for program in /usr/lib/systemd/systemd-socket-proxyd /lib/systemd/systemd-socket-proxyd; do
        if [ -x "$root$program" ]; then
            printf '%s' "$program"
            return 0
        fi
    done
    return 1
}

forwards() {
    for file in "$system"/hostshift-forward-*.socket; do
        if [ -e "$file" ] && grep -qxF "# Run $run of hostshift." "$file"; then
            file=${file##*/}
            printf '%s\n' "${file%.socket}"
        fi
    done
}

# "ADDRESS PORT" of what the frozen units listened on, and of the ports that checks name, for each
# address once; every address of the host where the units listened on all, or nobody knows.
places() {
    {
        cut -d' ' -f1 "$dir/record/ports"
        for port in $1; do printf '00000000:%04X\n' "$port"; done
    } | awk '
        function number(hex,  i, n) {
            n = 0
            for (i = 1; i <= length(hex); i++)
                n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
            return n
        }
        function byte(hex, i) { return number(substr(hex, i, 2)) }
        {
            split($1, part, ":")
            port = number(part[2]); address = part[1]
            # proc(5): four bytes, in the order of this machine, which is little-endian
            if (address ~ /^0+$/) address = "all"
            else if (length(address) == 8)
                address = byte(address, 7) "." byte(address, 5) "." byte(address, 3) "." byte(address, 1)
            else address = "other"
            if (address ~ /^127\./) next
            if (address == "all") all[port] = 1
            if (!((address, port) in seen)) { seen[address, port] = 1; order[++n] = address " " port }
        }
        END {
            for (i = 1; i <= n; i++) {
                split(order[i], part, " ")
                if (part[1] == "all" || !(part[2] in all)) print order[i]
            }
        }'
}

# taken PORT: somebody else listens there.
taken() {
    listening | grep -q "$(printf ':%04X ' "$1")"
}

write_forward() {
    (
        umask 022
        mkdir -p "$system" &&
            printf '%s\n' "# Run $run of hostshift." '[Unit]' \
                "Description=Passes TCP port $2 on to the successor" '[Socket]' \
                "ListenStream=$3" 'NoDelay=yes' '[Install]' 'WantedBy=sockets.target' \
                >"$system/$1.socket" &&
            printf '%s\n' "# Run $run of hostshift." '[Unit]' \
                "Description=Passes TCP port $2 on to the successor" "Requires=$1.socket" \
                "After=$1.socket network.target" '[Service]' 'Type=notify' \
                "ExecStart=$program --connections-max=4096 $4" 'DynamicUser=yes' \
                >"$system/$1.service"
    )
}

# forward ADDRESS PORTS
forward() {
    [ -e "$dir/spec" ] || refuse unknown
    load ''
    [ "$(token)" = moved ] || refuse kept
    case $1 in
    *:*) target="[$1]" ;;
    *) target=$1 ;;
    esac
    systemd || refuse systemd
    if ! program=$(proxy_program); then
        problem 'there is no systemd-socket-proxyd'
        finish
        return
    fi
    end_forwards
    places "$2" | {
        while read -r address port; do
            case $address in
            all) name=hostshift-forward-$port listen=$port ;;
            other)
                word "TCP port $port of an IPv6 address alone is not passed on"
                continue
                ;;
            *) name=hostshift-forward-$address-$port listen=$address:$port ;;
            esac
            if taken "$port"; then
                word "TCP port $port is not passed on: something listens there still"
                continue
            fi
            write_forward "$name" "$port" "$listen" "$target:$port" ||
                problem "could not write $name.socket"
        done
    }
    within 90 systemctl daemon-reload || problem 'systemctl daemon-reload failed'
    for one in $(forwards); do
        if within 30 systemctl enable --now "$one.socket" >>"$dir/log" 2>&1; then
            word "$(sed -n 's/^ListenStream=/TCP port /p' "$system/$one.socket") is passed on to $1"
        else
            problem "$one.socket does not start"
        fi
    done
    note "forwards to $1"
    finish
}

end_forwards() {
    ended=$(forwards)
    for one in $ended; do
        within 60 systemctl disable --now "$one.socket" >>"$dir/log" 2>&1
        within 60 systemctl stop "$one.service" >>"$dir/log" 2>&1
        case $(property "$one.socket" ActiveState) in
        inactive | failed | '') rm -f "$system/$one.socket" "$system/$one.service" ;;
        *) problem "$one.socket did not stop" ;;
        esac
    done
    [ -z "$ended" ] || within 90 systemctl daemon-reload || problem 'systemctl daemon-reload failed'
}

end_forward() {
    mkdir -p "$dir" || exit 1
    systemd || refuse systemd
    end_forwards
    finish
}
