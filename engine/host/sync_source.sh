#!/bin/sh
# sync_source.sh ROOT, then one call of main: server1's side of a sync (docs/sync.md).
#
#   main open RUN ADDRESS KEY SECONDS GATE [back]
#                                            let the successor at ADDRESS read by KEY (TYPE BASE64),
#                                            through GATE (the text of sync_gate.sh with its call);
#                                            back: also where data came from there before
#   main close RUN                           take that back
#
# The key is one line at the beginning of the authorized_keys of who has logged in; it ends by
# itself after SECONDS, and opening again renews it. The rest of that file stays byte for byte.
# Everything else lies in ROOT/var/lib/hostshift/runs/RUN/sync-gate.
#
# open prints "login NAME", "port NUMBER", "host_key TYPE BASE64" and "open"; close "closed", or
# "left FILE". Ends with 24 and "reversed LINE" when data went the other way, with 25 and a reason
# when there is no place for the key.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
unset TZ # what sshd reads a time by
root=$1
home=$root/var/lib/hostshift

# Below a ROOT (demo, tests) nothing of the machine is asked.
has() {
    found=$(command -v "$1" 2>/dev/null) || return 1
    case $found in
    "$root"/*) return 0 ;;
    esac
    return 1
}

no_place() {
    printf '%s\n' "$*"
    exit 25
}

passwd_of() {
    if has getent; then
        getent passwd "$1"
    else
        awk -F: -v user="$1" '$1 == user' "$root/etc/passwd"
    fi 2>/dev/null </dev/null | head -n 1
}

# sshd's own view of its configuration for that login (sshd(8), -T and -C), "KEYWORD VALUE" lines.
sshd_says() {
    ! has sshd || timeout 10 sshd -T -C "user=$user,host=$address,addr=$address" \
        </dev/null 2>/dev/null
}

# The file of sshd_config(5), AuthorizedKeysFile; its first name.
keys_file() {
    place=$(passwd_of "$user" | cut -d: -f6)
    [ -n "$place" ] || no_place "the account $user has no home directory"
    name=$(printf '%s\n' "$settings" | sed -n 's/^authorizedkeysfile \([^ ]*\).*/\1/p' | head -n 1)
    case $name in
    none) no_place "sshd takes no authorized_keys of $user (AuthorizedKeysFile none)" ;;
    '') name=.ssh/authorized_keys ;;
    esac
    name=$(printf '%s\n' "$name" | sed "s|%%|%|g; s|%h|$place|g; s|%u|$user|g")
    case $name in
    /*) file=$root$name ;;
    *) file=$root$place/$name ;;
    esac
    if [ -L "$file" ]; then file=$(readlink -f "$file"); fi
}

# What is new belongs to whose key it is.
give() {
    [ "$user" = root ] || chown "$user:" "$1"
}

# with_line FILE LINE, or without one: the same file, with nothing else of it changed.
with_line() {
    new=$1.hostshift-$run
    rm -f "$new"
    if [ -e "$1" ]; then
        cp -p "$1" "$new" || exit 1
    else
        : >"$new" && give "$new" || exit 1
    fi
    {
        [ -z "$2" ] || printf '%s\n' "$2"
        [ ! -e "$1" ] || sed "/ $mark\$/d" "$1"
    } >"$new" || exit 1
    sync "$new" 2>/dev/null
    mv -f "$new" "$1" || exit 1
}

put() {
    printf '%s' "$2" >"$1.new.$$" && mv -f "$1.new.$$" "$1"
}

# note_direction [back]. "RUN ROLE PEER" lines: who was a source for whom, for ever.
note_direction() {
    said=$home/direction
    while read -r in as peer; do
        case "$in $as $peer$1" in
        "$run target "* | *" target $address")
            echo "reversed $in $as $peer"
            exit 24
            ;;
        esac
    done 2>/dev/null <"$said"
    ! grep -q -x -F "$run source $address" "$said" 2>/dev/null || return 0
    (
        umask 022
        mkdir -p "$home" && {
            [ ! -e "$said" ] || grep -v "^$mark_run source " "$said"
            echo "$run source $address"
        } >"$said.new.$$" && mv -f "$said.new.$$" "$said"
    ) || exit 1
}

host_keys() {
    names=$(printf '%s\n' "$settings" | sed -n 's/^hostkey \(.*\)/\1.pub/p')
    # shellcheck disable=SC2086 # names, one word each
    [ -n "$names" ] || names=$(ls $root/etc/ssh/ssh_host_*_key.pub 2>/dev/null)
    for name in $names; do
        case $name in
        "$root"/*) ;;
        *) name=$root$name ;;
        esac
        sed -n 's/^\([a-z0-9@.-]* [A-Za-z0-9+\/=]*\).*/host_key \1/p' "$name" 2>/dev/null | head -n 1
    done
}

open() {
    address=$3 key=$4 seconds=$5 gate=$6
    case $address in
    '' | *[!0-9A-Fa-f.:]*) exit 2 ;;
    esac
    case $key in
    '' | *[!A-Za-z0-9+/=\ -]*) exit 2 ;;
    esac
    case $seconds in
    '' | *[!0-9]*) exit 2 ;;
    esac
    note_direction "${7:-}"
    mkdir -p "$dir" && put "$dir/gate" "$gate" || exit 1
    settings=$(sshd_says)
    keys_file
    end=$(date -d "@$(($(date +%s) + seconds))" +%Y%m%d%H%M%S) || exit 1
    sudo=
    [ "$user" = root ] || sudo='sudo -n -- '
    if ! grep -q -x -F "$file" "$dir/where" 2>/dev/null; then
        printf '%s\n' "$file" >>"$dir/where" || exit 1
    fi
    if [ ! -e "$file" ]; then
        printf '%s\n' "$file" >>"$dir/made"
        if [ ! -d "${file%/*}" ]; then
            { mkdir -m 700 "${file%/*}" && give "${file%/*}"; } ||
                no_place "${file%/*} can't be made"
        fi
    fi
    with_line "$file" "restrict,from=\"$address\",expiry-time=\"$end\",command=\"${sudo}/bin/sh $dir/gate \\\"\$SSH_ORIGINAL_COMMAND\\\"\" $key $mark"
    echo "login $user"
    printf '%s\n' "$settings" | sed -n 's/^port \([0-9]*\)$/port \1/p' | head -n 1
    host_keys
    echo open
}

close() {
    address=127.0.0.1
    settings=$(sshd_says)
    for user in root "${SUDO_USER:-root}"; do
        passwd_of "$user" | grep -q . || continue
        (keys_file && printf '%s\n' "$file")
    done | cat - "$dir/where" 2>/dev/null | sort -u | {
        while IFS= read -r file; do
            grep -q -a " $mark\$" "$file" 2>/dev/null || continue
            with_line "$file" ''
            if grep -q -a " $mark\$" "$file"; then
                echo "left $file"
                exit 0
            fi
            if [ ! -s "$file" ] && grep -q -x -F "$file" "$dir/made" 2>/dev/null; then
                rm -f "$file"
            fi
        done
        rm -rf "$dir"
        if [ -e "$dir" ]; then echo "left $dir"; else echo closed; fi
    }
}

main() {
    verb=$1 run=$2
    case $run in
    '' | *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    dir=$home/runs/$run/sync-gate
    # Who has logged in (sudo(8)); in a shell that is root's by login nobody else has.
    user=${SUDO_USER:-root}
    mark_run=$(printf '%s' "$run" | sed 's/[.]/[.]/g')
    mark=hostshift:sync:$mark_run
    case $verb in
    open | close) "$verb" "$@" ;;
    *) exit 2 ;;
    esac
}
