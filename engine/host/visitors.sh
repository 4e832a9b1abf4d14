#!/bin/sh
# visitors.sh ROOT PORT...: who has a connection to these ports of this host: "ADDRESS PORT", each once.
# From /proc/net/tcp and tcp6 (proc(5)): addresses are hexadecimal, in the byte order of the machine;
# state 01 is ESTABLISHED. Connections from this host itself don't count. Changes nothing.
set -u
LC_ALL=C
export LC_ALL
root=$1
shift
for port in "$@"; do
    case $port in
    '' | *[!0-9]*) exit 2 ;;
    esac
done
cat "$root/proc/net/tcp" "$root/proc/net/tcp6" 2>/dev/null | awk -v ports="$*" '
    function number(hex,    i, value) {
        value = 0
        for (i = 1; i <= length(hex); i++)
            value = value * 16 + index("0123456789ABCDEF", toupper(substr(hex, i, 1))) - 1
        return value
    }
    function four(hex) {
        return number(substr(hex, 7, 2)) "." number(substr(hex, 5, 2)) "." \
            number(substr(hex, 3, 2)) "." number(substr(hex, 1, 2))
    }
    BEGIN { n = split(ports, list, " "); for (i = 1; i <= n; i++) wanted[list[i]] = 1 }
    $4 == "01" {
        split($2, here, ":"); split($3, there, ":")
        port = number(here[2])
        if (!(port in wanted) || here[1] == there[1]) next
        if (length(there[1]) == 8) from = four(there[1])
        else if (substr(there[1], 1, 24) == "0000000000000000FFFF0000") from = four(substr(there[1], 25, 8))
        else from = tolower(there[1])
        if (!((from, port) in seen)) print from, port
        seen[from, port] = 1
    }' | sort -u | head -n 100
