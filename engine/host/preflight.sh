# shellcheck shell=sh
# shellcheck disable=SC2329,SC2317 # "section" calls functions by their names
# shellcheck disable=SC2154 # $nonce is set by "prepare" in frames.sh
# shellcheck disable=SC2034 # running.sh uses $early_udp
# shellcheck disable=SC2030,SC2031 # $count is counted and asked in one and the same subshell
# What a replacement of this host has to know of it. Changes nothing. Sent on standard input, after
# frames.sh, running.sh and volumes.sh, to sh -s -- ROOT NONCE SECONDS [KIND VALUE]...
#
#   SECONDS   within which all volumes are counted and searched, together
#   KIND      volume: a directory of data, absolute; unit: a unit of its services; name: a name of
#             this host that configuration may hold
#
# Contents of configuration are never printed: it may hold secrets. docs/replace.md lists the
# sections. POSIX sh, with coreutils or busybox; no here-documents.

set -u

time_limit=8
size_limit=400000
most_lines=400
most_databases=60

look_host() {
    put uid "$(id -u)"
    put kernel "$(uname -r)"
    put libc "$(within "$time_limit" getconf GNU_LIBC_VERSION 2>/dev/null)"
    for file in "$root"/usr/lib/*/libicuuc.so.* "$root"/usr/lib64/libicuuc.so.*; do
        case ${file##*.so.} in
        *[!0-9]* | '') ;;
        *) if [ -e "$file" ]; then put icu "${file##*.so.}"; fi ;;
        esac
    done
    if has rsync; then
        put rsync "$(within "$time_limit" rsync --version 2>/dev/null | head -n 1)"
    else
        put rsync none
    fi
    if [ -d "$root/run/systemd/system" ]; then put systemd yes; else put systemd no; fi
}

# Names and numbers alone.
look_accounts() {
    sed -n 's/^\([^:]*\):[^:]*:\([0-9]*\):\([0-9]*\):.*/user \2 \3 \1/p' "$root/etc/passwd" || return 1
    sed -n 's/^\([^:]*\):[^:]*:\([0-9]*\):.*/group \2 \1/p' "$root/etc/group" || return 1
    put seen all
}

look_units() {
    [ -n "$units" ] || return 0
    set -f
    # shellcheck disable=SC2086 # unit names, one word each
    within "$time_limit" systemctl show --no-pager -p Id -p Names -p LoadState -p ActiveState \
        -p SubState -p UnitFileState -- $units
}

look_timers() {
    within "$time_limit" systemctl list-units --type=timer --state=active --plain --full \
        --no-legend --no-pager
}

# Lines that begin a command; those below cron.hourly and the like are a command each.
look_cron() {
    for file in "$root"/etc/crontab "$root"/etc/anacrontab "$root"/etc/cron.d/* \
        "$root"/var/spool/cron/crontabs/* "$root"/var/spool/cron/*; do
        if [ -f "$file" ]; then
            put cron "$(grep -c '^[[:space:]]*[0-9*@]' "$file") ${file#"$root"}"
        fi
    done
    for file in "$root"/etc/cron.hourly/* "$root"/etc/cron.daily/* "$root"/etc/cron.weekly/* \
        "$root"/etc/cron.monthly/*; do
        if [ -f "$file" ]; then put cron "1 ${file#"$root"}"; fi
    done
    for folder in /var/spool/cron/crontabs /var/spool/cron; do
        if [ -d "$root$folder" ] && [ ! -r "$root$folder" ]; then put hidden "$folder"; fi
    done
    put seen all
}

# Mails and jobs that wait: postfix, exim (two files a mail), sendmail, at.
look_queues() {
    for queue in '* /var/spool/postfix/maildrop' '* /var/spool/postfix/incoming' \
        '* /var/spool/postfix/active' '* /var/spool/postfix/deferred' \
        '* /var/spool/postfix/hold' '*-H /var/spool/exim4/input' 'qf* /var/spool/mqueue' \
        '[a-z]* /var/spool/cron/atjobs'; do
        folder=${queue#* } pattern=${queue%% *}
        [ -d "$root$folder" ] || continue
        if [ -r "$root$folder" ]; then
            put queue "$(within "$time_limit" find "$root$folder" -type f -name "$pattern" 2>/dev/null |
                head -n 100000 | wc -l | tr -d ' ') $folder"
        else
            put hidden "$folder"
        fi
    done
    put seen all
}

# Mount points and kinds of file systems; sources and options may hold passwords.
look_fstab() {
    [ -e "$root/etc/fstab" ] || return 0
    sed -n 's/^[[:space:]]*[^#[:space:]][^[:space:]]*[[:space:]][[:space:]]*\(\/[^[:space:]]*\)[[:space:]][[:space:]]*\([^[:space:]]*\).*/fstab \2 \1/p' \
        "$root/etc/fstab"
}

# own_addresses: "INTERFACE ADDRESS" of each that others can reach; "-" where no interface is told.
own_addresses() {
    if has ip; then
        within "$time_limit" ip -o addr show |
            sed -n 's/^[0-9]*: *\([^ ]*\) *inet6\{0,1\} \([0-9a-fA-F.:]*\)[/ ].*scope global.*/\1 \2/p'
        return
    fi
    sed -n '/|--/h;/\/32 host LOCAL/{x;s/.*|-- /- /p;}' "$root/proc/net/fib_trie" 2>/dev/null |
        grep -v ' 127\.' | sort -u
    # address, index, prefix, scope (00 is global), flags, interface
    while read -r hex _ _ scope _ interface; do
        if [ "$scope" = 00 ]; then
            printf '%s %s\n' "$interface" "$(printf '%s' "$hex" | sed 's/..../&:/g;s/:$//')"
        fi
    done 2>/dev/null <"$root/proc/net/if_inet6"
}

look_addresses() {
    own_addresses | sed 's/^/address /'
    if [ -e "$root/proc/net/if_inet6" ]; then put ipv6 yes; else put ipv6 no; fi
    put seen all
}

# Files of /etc that hold the host's own name or address: path, line, which; never the line itself.
look_mentions() {
    set --
    set -f
    for word in $names $(own_addresses | grep -v -E "^($passing)" | cut -d ' ' -f 2); do
        set -- "$@" -e "$word"
    done
    set +f
    if [ $# -eq 0 ]; then
        put end 1
        return 0
    fi
    {
        within 12 grep -r -s -n -o -w -F "$@" "$root/etc"
        printf 'end=%s\n' "$?"
    } | cut -c 1-400 | sed "s|^$root/etc|/etc|" | head -n "$most_lines"
}

# Interfaces of containers and virtual machines: their networks are made anew.
passing='lo|docker|br-|veth|virbr|cni|podman|lxc|lxd|vnet|tap'

look_firewall() {
    for file in /etc/nftables.conf /etc/iptables/rules.v4 /etc/iptables/rules.v6 /etc/ufw/ufw.conf \
        /etc/firewalld/firewalld.conf /etc/shorewall/shorewall.conf; do
        if [ -e "$root$file" ]; then put file "$file"; fi
    done
    # Only where the kernel has them already: nft would load its module.
    if [ -d "$root/sys/module/nf_tables" ] && has nft && [ "$(id -u)" = 0 ]; then
        put rules "$(within "$time_limit" nft list ruleset 2>/dev/null | head -c 1000000 |
            grep -c -E '^[[:space:]]+[^[:space:]}#]' | tr -d ' ')"
    fi
    for table in ip_tables_names ip6_tables_names; do
        while read -r name; do put table "$table $name"; done 2>/dev/null <"$root/proc/net/$table"
    done
    put seen all
}

# How certificates come to this host: which challenge each is renewed by.
look_certificates() {
    for folder in /etc/letsencrypt/renewal /root/.acme.sh /etc/ssl/private; do
        if [ ! -d "$root$folder" ]; then
            # Without root a folder below one that can't be entered looks as if it weren't there.
            parent=${folder%/*}
            if [ -d "$root$parent" ] && [ ! -x "$root$parent" ]; then put hidden "$folder"; fi
        elif [ ! -r "$root$folder" ] || [ ! -x "$root$folder" ]; then
            put hidden "$folder"
        fi
    done
    for file in "$root"/etc/letsencrypt/renewal/*.conf; do
        [ -f "$file" ] || continue
        name=${file##*/}
        how=$(sed -n 's/^authenticator *= *\([a-zA-Z0-9_-]*\).*/\1/p' "$file" | head -n 1)
        put certificate "certbot ${how:-unknown} ${name%.conf}"
    done
    for file in "$root"/root/.acme.sh/*/*.conf; do
        [ -f "$file" ] || continue
        case $(sed -n "s/^Le_Webroot=//p" "$file" | head -n 1) in
        '') continue ;;
        "'dns"* | dns*) how=dns ;;
        *) how=http ;;
        esac
        name=${file##*/}
        put certificate "acme.sh $how ${name%.conf}"
    done
    if [ -f "$root/etc/dehydrated/config" ]; then
        how=$(sed -n "s/^CHALLENGETYPE=[\"']\{0,1\}\([a-z]*\).*/\1/p" "$root/etc/dehydrated/config" | head -n 1)
        put certificate "dehydrated ${how:-http} /etc/dehydrated/domains.txt"
    fi
    if [ -e "$root/etc/caddy/Caddyfile" ]; then put certificate "caddy unknown /etc/caddy/Caddyfile"; fi
    for file in "$root"/etc/ssl/private/*; do
        case $file in
        *snakeoil* | *'*') ;;
        *) put certificate "file unknown ${file#"$root"}" ;;
        esac
    done
    put seen all
}

# Databases by the files that their engines keep, and which process has them open.
look_databases() {
    databases=$(number=0
        for volume in "$@"; do
            databases_in "$number" "$root$volume"
            number=$((number + 1))
        done)
    [ -n "$databases" ] || return 0
    printf '%s\n' "$databases"
    wanted=$(printf '%s\n' "$databases" | sed -n 's/^database [^ ]* [^ ]* [^ ]* \([^ ]*\) .*/\1/p' |
        sort -u | tr '\n,' '||' | sed 's/|$//')
    [ -n "$wanted" ] || return 0
    # Device and inode are the same inside a container. Most servers have their data directory as
    # working directory.
    {
        within "$time_limit" find "$root"/proc/[0-9]*/cwd "$root"/proc/[0-9]*/fd -type l \
            -exec stat -L -c '%d:%i %n' {} + 2>/dev/null
        printf 'end %s\n' "$?"
    } | grep -E "^(end|$wanted) " |
        while read -r inode link; do
            if [ "$inode" = end ]; then
                if [ "$link" = 124 ] || [ "$(id -u)" != 0 ]; then put holders some; else put holders all; fi
            else
                link=${link#"$root/proc/"}
                printf 'open %s %s %s\n' "$inode" "${link%%/*}" "$(first "$root/proc/${link%%/*}/comm")"
            fi
        done | sort -u
}

# databases_in NUMBER DIRECTORY
databases_in() {
    left=$(left)
    if [ ! -d "$2" ] && searchable "${2#"$root"}"; then
        printf 'searched %s 0\n' "$1" # it isn't there
        return 0
    elif [ ! -d "$2" ] || [ "$left" -lt 1 ]; then
        printf 'searched %s 124\n' "$1"
        return 0
    fi
    {
        within "$left" find "$2/" -maxdepth 6 -xdev \( -name PG_VERSION -o -name ibdata1 \
            -o -name dump.rdb -o -name appendonly.aof -o -name appendonlydir -o -name WiredTiger \
            -o -name '*.sqlite' -o -name '*.sqlite3' -o -name '*.db' -o -name '*.db3' \) 2>/dev/null
        printf 'end %s\n' "$?"
    } | {
        count=0
        while IFS= read -r file; do
            case $file in
            'end '*) printf 'searched %s %s\n' "$1" "${file#end }" ;;
            *)
                if [ "$count" -lt "$most_databases" ]; then
                    recognised "$1" "$file"
                else
                    printf 'searched %s 124\n' "$1"
                    cat >/dev/null
                fi
                ;;
            esac
        done
    }
}

# recognised NUMBER FILE: a marker alone is not enough for those with common names.
recognised() {
    folder=${2%/*}
    case ${2##*/} in
    PG_VERSION) if [ -d "$folder/global" ]; then database "$1" postgresql "$(first "$2")" "$folder" "$2"; fi ;;
    ibdata1)
        engine=mysql version=$(first "$folder/mysql_upgrade_info")
        if [ -e "$folder/aria_log_control" ]; then
            engine=mariadb version=${version:-$(first "$folder/mariadb_upgrade_info")}
        fi
        database "$1" "$engine" "$version" "$folder" "$2"
        ;;
    dump.rdb | appendonly.aof | appendonlydir) database "$1" redis '' "$folder" "$2" ;;
    WiredTiger) if [ -e "$folder/storage.bson" ] || [ -e "$folder/mongod.lock" ]; then database "$1" mongodb '' "$folder" "$folder/mongod.lock"; fi ;;
    *)
        { magic=$(head -c 15 "$2"); } 2>/dev/null
        if [ "$magic" = 'SQLite format 3' ]; then database "$1" sqlite '' "$2" "$2"; fi
        ;;
    esac
}

# database NUMBER ENGINE VERSION PLACE FILE
database() {
    count=$((count + 1))
    version=$(printf '%s' "$3" | tr -d -c 'A-Za-z0-9.-' | head -c 40)
    inodes=$(stat -L -c '%d:%i' "$4" "$5" 2>/dev/null | tr '\n' ',')
    place=$(printf '%s' "${4#"$root"}" | tr '\n' '?')
    printf 'database %s %s %s %s %s\n' "$1" "$2" "${version:--}" "${inodes%,}" "$place"
}

main() {
    root=$1 budget=$3 units='' names=''
    prepare "$1" "$2"
    shift 3
    printf '%s preflight 1\n' "$nonce"
    while [ $# -ge 2 ] && [ "$1" != volume ]; do
        case $1 in
        unit) units="$units $2" ;;
        name) names="$names $2" ;;
        esac
        shift 2
    done
    early_udp=$(bound_udp 2>/dev/null)
    section host "$size_limit" look_host
    section accounts "$size_limit" look_accounts
    if [ -d "$root/run/systemd/system" ] && has systemctl; then
        section units "$size_limit" look_units
        section timers "$size_limit" look_timers
    fi
    section cron "$size_limit" look_cron
    section queues "$size_limit" look_queues
    section sockets "$size_limit" look_sockets
    section containers "$size_limit" look_containers
    section mounts "$size_limit" look_mounts
    section devices "$size_limit" look_devices
    section fstab "$size_limit" look_fstab
    section addresses "$size_limit" look_addresses
    section mentions "$size_limit" look_mentions
    section firewall "$size_limit" look_firewall
    section certificates "$size_limit" look_certificates
    { read -r up _ </proc/uptime; } 2>/dev/null
    until=$((${up%%.*} + budget))
    for word in "$@"; do
        shift
        if [ "$word" != volume ]; then set -- "$@" "$word"; fi
    done
    section databases "$size_limit" look_databases "$@"
    number=0
    for volume in "$@"; do
        section "volume-$number" "$size_limit" look_volume "$volume"
        number=$((number + 1))
    done
    printf '\n%s done\n' "$nonce"
}

main "$@"
exit 0
