# shellcheck shell=sh
# shellcheck disable=SC2154 # $root, $time_limit and $early_udp are set by the script that follows
# running.sh: what runs here and what is mounted, for scripts that look at a host (health.sh,
# preflight.sh, sync_look.sh); sent between frames.sh and these. They set $root, $time_limit (seconds for one
# command) and $early_udp (what "bound_udp" printed some time before).

# Sockets that wait for others, from /proc/net (proc(5)): nothing needs to be installed for that.
# UDP sockets that were there at the beginning too: a resolver's live for one question.
look_sockets() {
    # How this machine orders its bytes: addresses are printed as it stores them.
    put order "$(printf '\001\000' | od -A n -t u2 | tr -d ' ')"
    # Not by "read", which takes byte after byte: this file gives only its first one that way.
    put ephemeral "$(cat "$root/proc/sys/net/ipv4/ip_local_port_range" 2>/dev/null)"
    found=$(bound tcp 0A && bound tcp6 0A) || return 1
    udp=$(bound_udp) || return 1
    udp=$(printf '%s\n%s\n' "$early_udp" "$udp" | sort | uniq -d)
    found=$(printf '%s\n%s\n' "$found" "$udp" | sort -u)
    printf '%s\n' "$found"
    if [ "$(id -u)" = 0 ]; then
        inodes=$(printf '%s\n' "$found" | cut -d ' ' -f 3 | grep . | sort -u | tr '\n' '|')
        if [ -n "$inodes" ]; then holders "${inodes%|}" | sort -u; fi
    fi
    put seen all
}

# bound NAME STATE: "NAME ADDRESS:PORT INODE" of each socket that has no peer. State 0A is a TCP
# listener, 07 a UDP socket that takes from anybody (the kernel's include/net/tcp_states.h).
bound() {
    file=$root/proc/net/$1
    if [ ! -r "$file" ]; then
        case $1 in
        *6) return 0 ;; # without IPv6
        esac
        printf 'there is no /proc/net/%s\n' "$1" >&2
        return 1
    fi
    within "$time_limit" sed -n "s/^ *[0-9]*: \\([0-9A-F:]*\\) 0*:0000 $2 [0-9A-F:]* [0-9A-F:]* \
[0-9A-F]* *[0-9]* *[0-9]* *\\([0-9]*\\) .*/$1 \\1 \\2/p" "$file"
}

bound_udp() { bound udp 07 && bound udp6 07; }

# holders INODE|INODE...: which process has each open, as "holder INODE CGROUP COMM".
holders() {
    within "$time_limit" ls -ln "$root"/proc/[0-9]*/fd 2>/dev/null |
        grep -E "^$root/proc/|socket:\\[($1)\\]\$" |
        while read -r line; do
            case $line in
            "$root/proc/"*:) process=${line%/fd:} ;;
            *'socket:['*)
                inode=${line##*'['}
                printf 'holder %s %s %s\n' "${inode%']'}" "$(cgroup "$process")" \
                    "$(first "$process/comm")"
                ;;
            esac
        done
}

# cgroup PROCESS: its place among systemd's units; "-" where that can't be told (cgroups(7)).
cgroup() {
    place=-
    while IFS= read -r line; do
        case $line in
        0::/?* | *:name=systemd:/?*) place=/${line#*:*:/} ;;
        esac
    done 2>/dev/null <"$1/cgroup"
    printf '%s' "$place" | tr ' \n' '__'
}

# Only a running dockerd is asked (its socket would start it), and podman never (it writes):
# conmon, the parent of each podman container, carries what is needed in its arguments.
look_containers() {
    docker_runs=no conmons=''
    for comm in "$root"/proc/[0-9]*/comm; do
        case $(first "$comm") in
        dockerd) docker_runs=yes ;;
        conmon) conmons="$conmons ${comm%/comm}" ;;
        esac
    done
    for process in $conmons; do
        printf 'conmon '
        tr '\000\n' '\001 ' <"$process/cmdline"
        printf '\n'
    done 2>/dev/null
    put docker "$docker_runs"
    [ "$docker_runs" = yes ] || return 0
    ids=$(within "$time_limit" docker ps --all --quiet --no-trunc) || return 1
    # shellcheck disable=SC2086 # identifiers, one word each
    [ -z "$ids" ] || within "$time_limit" docker inspect --type container --format \
        'container {{json .Name}} {{json .State.Status}} {{json .HostConfig.RestartPolicy.Name}} {{if .State.Health}}{{json .State.Health.Status}}{{else}}""{{end}} {{json .State.StartedAt}}' \
        $ids
}

look_mounts() { within "$time_limit" cat "$root/proc/self/mountinfo"; }
