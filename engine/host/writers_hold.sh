# shellcheck shell=sh disable=SC2154 # root, run, dir, home, system, deadline and began are writers.sh's
# writers_hold.sh: what a service's writers are, what they were, holding them and letting them go.
# A part of writers.sh, which goes after it; it only defines functions.

nl='
'

# ---- the writers, as DIR/spec tells them: calls of these functions, every word quoted

writer() {
    service=$1 mode=$2
    services="$services$1 "
}

unit() {
    [ "$mode" = none ] || units="$units$mode $1$nl"
}

container() {
    [ "$mode" = none ] || containers="$containers$mode $1$nl"
}

volume() {
    [ "$mode" = none ] || volumes="$volumes$1$nl"
}

freezing() {
    [ "$doing" != freeze ] || by_command "$1"
}

thawing() {
    [ "$doing" != thaw ] || by_command "$1"
}

load() {
    services='' units='' containers='' volumes='' doing=$1
    # shellcheck disable=SC1091 # made by hostshift for this host
    . "$dir/spec"
    doing=''
    export volumes
}

by_command() {
    (
        umask 022
        cd / || exit 1
        HOSTSHIFT_RUN=$run HOSTSHIFT_SERVICE=$service
        export HOSTSHIFT_RUN HOSTSHIFT_SERVICE
        within "$(left)" sh -c "$1" >>"$dir/log" 2>&1
    ) || problem "the $doing command of $service ended with status $?; its output is in $dir/log"
}

reversed() {
    sed '1!G;h;$!d'
}

# ---- units

# property UNIT NAME,...: their values in this order on one line, without those that are empty.
property() {
    within 20 systemctl show -p "$2" "$1" | names="$2" awk '
        { at = index($0, "="); value[substr($0, 1, at - 1)] = substr($0, at + 1) }
        END {
            n = split(ENVIRON["names"], name, ",")
            for (i = 1; i <= n; i++)
                if (value[name[i]] != "") { printf "%s%s", between, value[name[i]]; between = " " }
        }'
}

state_of() {
    case $(property "$1" ActiveState,Type) in
    active* | reloading*) echo active ;;
    # One that its timer has started is not to be started by anybody else.
    'activating oneshot') echo inactive ;;
    activating*) echo active ;;
    *) echo inactive ;;
    esac
}

# members UNIT: it, what starts it (sockets, timers, paths) and what is part of it, a line each. A
# part must be held too: what a unit wants is started with it even when its own condition fails.
members() {
    seen=' ' todo=$1
    while [ -n "$todo" ]; do
        next=${todo%% *}
        todo=${todo#"$next"}
        todo=${todo# }
        case $seen in
        *" $next "*) continue ;;
        esac
        seen="$seen$next "
        case $next in
        "$1" | *.service | *.socket | *.timer | *.path) ;;
        *) continue ;;
        esac
        printf '%s\n' "$next"
        more=$(property "$next" TriggeredBy,ConsistsOf)
        todo="$todo${todo:+ }$more"
        todo=${todo# }
    done
}

# The units that a stop of these stops with them, and that nobody would start again.
dependants() {
    property "$1" RequiredBy,BoundBy,RequisiteOf | tr ' ' '\n'
}

# systemd.unit(5): drop-ins of all directories are merged in the order of their names, and every
# condition must hold. Unlike a mask this also holds units that are files of /etc/systemd/system,
# and enabling stays as it was. Nothing has to be mounted for it.
drop_in() {
    printf '%s' "$system/$1.d/zz-hostshift.conf"
}

hold_unit() {
    file=$(drop_in "$1")
    (
        umask 022
        mkdir -p "${file%/*}" &&
            printf '%s\n' "# Held by run $run of hostshift, and to be let go only by it." \
                '[Unit]' 'ConditionPathExists=!/' >"$file.new" && mv -f "$file.new" "$file"
    ) || problem "could not hold $1"
}

release_unit() {
    file=$(drop_in "$1")
    rm -f "$file" "$file.new"
    rmdir "${file%/*}" 2>/dev/null
    return 0
}

reload() {
    [ ! -s "$dir/record/units" ] || within 90 systemctl daemon-reload ||
        problem 'systemctl daemon-reload failed'
}

# stop_units GROUP: in one go, as a socket would start its service again.
stop_group() {
    names=$(group="$1" awk '$1 == ENVIRON["group"] { print $4 }' "$dir/record/units")
    there=''
    for one in $names; do
        [ "$(property "$one" LoadState)" = not-found ] || there="$there $one"
    done
    # shellcheck disable=SC2086 # words
    [ -z "$there" ] || within "$(left)" systemctl stop $there >>"$dir/log" 2>&1 || true
    for one in $there; do
        case $(property "$one" ActiveState) in
        inactive | failed) ;;
        *) problem "$one did not stop" ;;
        esac
    done
}

# Whether a command freezes and thaws the service of a group.
commanded() {
    grep -qF -e "$1 command " "$dir/record/units"
}

# start_group GROUP WHICH [yet]: those that ran (thaw), or also the named unit itself (start). A socket
# refuses to start after its service, and a timer may start its service at once. "yet": what doesn't
# run is no problem yet.
start_group() {
    names=$(group="$1" which="$2" awk '
        $1 == ENVIRON["group"] && ($3 == "active" || (ENVIRON["which"] == "all" && $4 == $1)) {
            print ($4 ~ /[.]socket$/ ? 1 : $4 ~ /[.]timer$/ ? 3 : 2), $4
        }' "$dir/record/units" | sort -s -n -k 1,1 | cut -d' ' -f2)
    wanted=''
    for one in $names; do
        # What a timer runs once in a while is left to its timer.
        if [ "$2" = all ] && [ "$(property "$one" Type,RemainAfterExit)" = 'oneshot no' ] &&
            [ -n "$(property "$one" TriggeredBy)" ]; then
            continue
        fi
        wanted="$wanted $one"
    done
    [ -n "$wanted" ] || return 0
    # shellcheck disable=SC2086 # words
    within 20 systemctl reset-failed $wanted >/dev/null 2>&1
    for one in $wanted; do
        case $one:$(state_of "$one"):$(state_of "$1") in
        # Somebody has started the service meanwhile.
        *.socket:inactive:active) within "$(left)" systemctl stop "$1" >>"$dir/log" 2>&1 ;;
        esac
    done
    # shellcheck disable=SC2086
    within "$(left)" systemctl start $wanted >>"$dir/log" 2>&1
    for one in $wanted; do
        is_up "$one" || [ "${3:-}" = yet ] || problem "$one does not run"
    done
}

is_up() {
    while [ "$(property "$1" ActiveState)" = activating ] && [ "$(left)" -gt 1 ]; do sleep 1; done
    [ "$(state_of "$1")" = active ]
}

groups() {
    awk '$1 == $4 { print $1 }' "$dir/record/units"
}

# ---- containers

# look_container NAME: "ENGINE RUNNING POLICY" of it, or nothing.
look_container() {
    for engine in docker podman; do
        has "$engine" || continue
        said=$(within 20 "$engine" inspect --type container --format \
            '{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}' \
            "$1" 2>/dev/null) || continue
        policy=${said#* }
        case $policy in
        on-failure:0 | always:* | unless-stopped:*) policy=${policy%%:*} ;;
        on-failure:*) ;;
        *) policy=no ;;
        esac
        printf '%s %s %s\n' "$engine" "${said%% *}" "$policy"
        return
    done
}

# Not started again by its engine, also not by the next boot.
hold_container() {
    [ "$3" = no ] || within 30 "$1" update --restart=no "$2" >>"$dir/log" 2>&1 ||
        problem "could not take the restart policy $3 from container $2"
}

stop_container() {
    within "$(left)" "$1" stop "$2" >>"$dir/log" 2>&1 || problem "container $2 did not stop"
}

start_container() {
    within "$(left)" "$1" start "$2" >>"$dir/log" 2>&1
    case $(look_container "$2") in
    *' true '*) ;;
    *) problem "container $2 does not run" ;;
    esac
}

release_container() {
    [ "$3" = no ] || within 30 "$1" update --restart="$3" "$2" >>"$dir/log" 2>&1 ||
        problem "could not give container $2 its restart policy $3 again"
}

# ---- cron

# Whether a line names a volume, as a path of its own or the beginning of one.
# shellcheck disable=SC2016 # awk's
mentions='
function mentions(line,  i, at, before, after) {
    if (line ~ /^[ \t]*#/) return 0
    for (i = 1; i <= n; i++) {
        rest = volume[i] == "" ? "" : line
        while (rest != "" && (at = index(rest, volume[i])) > 0) {
            before = at > 1 ? substr(rest, at - 1, 1) : " "
            after = substr(rest, at + length(volume[i]), 1)
            if (before !~ /[A-Za-z0-9._\/-]/ && after !~ /[A-Za-z0-9._-]/) return 1
            rest = substr(rest, at + 1)
        }
    }
    return 0
}
BEGIN { n = split(ENVIRON["volumes"], volume, "\n") }
'

mention() {
    awk "$mentions"'mentions($0) { found = 1 } END { exit !found }' "$1" 2>/dev/null
}

crontabs() {
    for file in "$root/etc/crontab" "$root"/etc/cron.d/* "$root"/var/spool/cron/crontabs/* \
        "$root"/var/spool/cron/*; do
        if [ -f "$file" ] && mention "$file"; then printf '%s\n' "$file"; fi
    done
}

# Beside it under a name that cron passes over, then renamed: an entry is read whole or not at all.
rewrite() {
    new=${1%/*}/.hostshift-${1##*/}
    if ! { cp -a "$1" "$new" && awk "$mentions$2" "$1" >"$dir/crontab.$$" &&
        cat "$dir/crontab.$$" >"$new" && mv -f "$new" "$1"; }; then
        problem "could not rewrite ${1#"$root"}"
    fi
    rm -f "$dir/crontab.$$" "$new"
}

hold_cron() {
    while read -r file; do
        # shellcheck disable=SC2016
        ! mention "$file" || rewrite "$file" '{ print (mentions($0) ? "#hostshift " : "") $0 }'
    done <"$dir/record/cron"
}

release_cron() {
    while read -r file; do
        # shellcheck disable=SC2016
        ! grep -q '^#hostshift ' "$file" 2>/dev/null ||
            rewrite "$file" '{ sub(/^#hostshift /, ""); print }'
    done <"$dir/record/cron"
}

# What isn't certain enough to be held is told.
tell_others() {
    for file in "$root"/etc/cron.hourly/* "$root"/etc/cron.daily/* "$root"/etc/cron.weekly/* \
        "$root"/etc/cron.monthly/* "$root/etc/anacrontab" "$root"/var/spool/cron/atjobs/* \
        "$root"/var/spool/at/*; do
        if [ -f "$file" ] && mention "$file"; then
            word "${file#"$root"} names a volume and is not held"
        fi
    done
}

# ---- the former state

# "GROUP MODE STATE UNIT", GROUP being the named unit's real name. A record that is there says what
# ran before it was held.
record_units() {
    printf '%s' "$units" | while read -r mode name; do
        # shellcheck disable=SC2046 # words
        set -- $(property "$name" LoadState,Id)
        id=${2:-$name}
        [ "${1:-}" != not-found ] || printf '%s\n' "$name" >>"$work/missing"
        members "$id" | while read -r one; do
            state=$(state_of "$one")
            ! unit="$one" awk '$3 == "active" && $4 == ENVIRON["unit"] { was = 1 } END { exit !was }' \
                "$dir/record/units" 2>/dev/null || state=active
            printf '%s\n' "$id $mode $state $one" >>"$work/units"
            dependants "$one"
        done
    done | sort -u | while read -r one; do
        case $one in
        *.service | *.socket | *.timer | *.path | *.target) ;;
        *) continue ;;
        esac
        ! unit="$one" awk '$4 == ENVIRON["unit"] { held = 1 } END { exit !held }' "$work/units" || continue
        [ "$(state_of "$one")" != active ] || printf '%s\n' "$one" >>"$work/dependants"
    done
}

# "MODE ENGINE RAN POLICY NAME"
record_containers() {
    printf '%s' "$containers" | while read -r mode name; do
        found=$(look_container "$name")
        if [ -z "$found" ]; then
            printf '%s\n' "container $name" >>"$work/missing"
            continue
        fi
        was=$(awk -v name="$name" '$5 == name { print $2, $3, $4 }' "$dir/record/containers" 2>/dev/null)
        case $found in
        *' no') [ -z "$was" ] || found=$was ;;
        esac
        printf '%s\n' "$mode $found $name" >>"$work/containers"
    done
}

# "ADDRESS:PORT UNIT", hexadecimal as in /proc/net/tcp (proc(5)), of what the units' processes
# listen on; a process' unit is the end of its control group's name.
record_ports() {
    while read -r _ _ state one; do
        [ "$state" = active ] || continue
        group=$(property "$one" ControlGroup)
        [ -n "$group" ] || continue
        for process in "$root"/proc/[0-9]*; do
            if grep -qE "^[0-9]+:(name=systemd)?:$(printf '%s' "$group" | sed 's/[][\.*^$+?(){}|]/\\&/g')(/|\$)" \
                "$process/cgroup" 2>/dev/null; then
                ls -l "$process/fd" 2>/dev/null
            fi
        done | sed -n 's/.* -> socket:\[\([0-9]*\)]$/\1/p' >"$work/sockets"
        [ ! -s "$work/sockets" ] || listening | unit="$one" awk '
            FNR == NR { ours[$1] = 1; next } $2 in ours { print $1, ENVIRON["unit"] }' "$work/sockets" -
    done <"$work/units" | sort -u >"$work/ports"
    rm -f "$work/sockets"
}

# "ADDRESS:PORT INODE" of every listening TCP socket of this network.
listening() {
    cat "$root/proc/net/tcp" "$root/proc/net/tcp6" 2>/dev/null | awk '$4 == "0A" { print $2, $10 }'
}

# The record is complete when it gets its name, and nothing is changed before.
record() {
    if [ ! -d "$dir/record" ]; then
        for file in "$dir"/recording.*.old; do
            [ ! -d "$file" ] || mv "$file" "$dir/record" || exit 1
        done
    fi
    rm -rf "$dir"/recording.*
    work=$dir/recording.$$
    mkdir -p "$work" || exit 1
    for file in units containers missing dependants cron ports; do
        : >"$work/$file" || exit 1
    done
    record_units
    # Nobody but this record knows any more what a former stop has stopped with its units.
    while read -r one; do
        unit="$one" awk '$4 == ENVIRON["unit"] { held = 1 } END { exit !held }' "$work/units" ||
            printf '%s\n' "$one" >>"$work/dependants"
    done 2>/dev/null <"$dir/record/dependants"
    sort -u -o "$work/dependants" "$work/dependants"
    record_containers
    record_ports
    { crontabs && cat "$dir/record/cron" 2>/dev/null; } | sort -u >"$work/cron"
    sync
    if [ -d "$dir/record" ]; then mv "$dir/record" "$work.old" || exit 1; fi
    mv "$work" "$dir/record" || exit 1
    rm -rf "$work.old"
}

# ---- all of them

# Nothing that is stopped must be started again by anything: first held, then stopped.
hold_all() {
    while read -r _ _ _ one; do hold_unit "$one"; done <"$dir/record/units"
    reload
    hold_cron
    while read -r _ engine _ policy name; do
        hold_container "$engine" "$name" "$policy"
    done <"$dir/record/containers"
    sync
}

stop_all() {
    reversed <"$dir/record/containers" | while read -r mode engine _ _ name; do
        [ "$mode" = command ] || stop_container "$engine" "$name"
    done
    groups | reversed | while read -r group; do
        commanded "$group" || stop_group "$group"
    done
}

# release_all WHICH: ran or all; see start_group.
release_all() {
    while read -r _ _ _ one; do release_unit "$one"; done <"$dir/record/units"
    reload
    groups | while read -r group; do
        # Its own command comes after this, and may be what lets it start.
        if [ "$1" = ran ] && commanded "$group"; then
            start_group "$group" ran yet
        else
            start_group "$group" "$1"
        fi
    done
    while read -r _ engine ran policy name; do
        release_container "$engine" "$name" "$policy"
        if [ "$ran" = true ] || [ "$1" = all ]; then start_container "$engine" "$name"; fi
    done <"$dir/record/containers"
    while read -r one; do
        within "$(left)" systemctl start "$one" >>"$dir/log" 2>&1 || problem "$one does not run"
    done <"$dir/record/dependants"
    release_cron
    sync
}
