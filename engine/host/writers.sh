#!/bin/sh
# shellcheck disable=SC2034,SC2154 # what its parts use, and have set
# writers.sh ROOT, after its parts and before one call of main: who may write (docs/writers.md).
#
#   main arm RUN SECONDS SPEC GUARDIAN     the guard on server1, armed or extended
#   main status|disarm RUN                 how it stands; its end
#   main freeze RUN SECONDS SPEC           hold and stop the writers
#   main prove RUN SPEC                    look whether any of them writes
#   main thaw RUN SECONDS                  the former state again
#   main token|surrender|restore RUN       the token of server1's
#   main forward RUN ADDRESS PORTS         what still comes to server1 goes on to its successor
#   main end_forward RUN
#   main hold|start|stop RUN SECONDS SPEC  the services of the successor
#   main receive RUN
#   main take_back RUN SECONDS
#   main let_go RUN
#   main watch RUN                         the guard itself
#
# SPEC is shell text: calls of the first functions of writers_hold.sh, every word quoted. GUARDIAN
# is the text of all this with a call of main, for the host to keep. The run's state lies in
# ROOT/var/lib/hostshift/runs/RUN/writers:
#   spec, record/   what the writers are; what they were before anything was changed
#   until           when the guard fires; verdict ("fired TIME" or "disarmed TIME") is its end
#   side            "thaw TIME" or "surrender TIME": what became of the frozen writers
#   frozen, thawed  both went to their end; thawed holds what did not work
#   busy            who freezes or starts: process number and start time
#   former          of a host that was frozen in another run: the spec of that one
# and the token in ROOT/var/lib/hostshift/writers/SERVICE: "here|moved|none RUN TIME".
#
# All of it can be interrupted anywhere and done again. Output, a line each: "refused WORD",
# "problem TEXT", "word TEXT", those of status, "token WORD", and at the end "done". Ends with 30
# when it has refused.
set -u
LC_ALL=C
export LC_ALL
root=$1
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
home=$root/var/lib/hostshift
system=$root/etc/systemd/system

now() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

put() {
    printf '%s' "$2" >"$1.new.$$" && mv -f "$1.new.$$" "$1"
}

# Below a ROOT (demo, tests) nothing is run but programs that lie there.
has() {
    found=$(command -v "$1" 2>/dev/null) || return 1
    case $found in
    "$root"/*) return 0 ;;
    esac
    return 1
}

systemd() {
    [ -d "$root/run/systemd/system" ] && has systemctl
}

within() {
    timeout -k 5 "$@" </dev/null
}

# Seconds of this call's deadline.
left() {
    remains=$((deadline - $(uptime_s) + began))
    if [ "$remains" -lt 1 ]; then remains=1; fi
    echo "$remains"
}

note() {
    printf '%s %s\n' "$(now)" "$*" >>"$dir/log"
}

# Into a file, as most of it is said in subshells.
problem() {
    printf '%s\n' "$*" >>"$problems"
}

word() {
    printf 'word %s\n' "$*"
}

finish() {
    sed 's/^/problem /' "$problems" 2>/dev/null
    rm -f "$problems"
    echo 'done'
}

refuse() {
    echo "refused $1"
    rm -f "$problems"
    exit 30
}

same_spec() {
    [ "$spec" = "$(cat "$dir/spec" 2>/dev/null)" ]
}

# ---- the token

token_of() {
    token_word=absent
    { read -r token_word _ <"$home/writers/$1"; } 2>/dev/null
    printf '%s' "${token_word:-unknown}"
}

set_tokens() {
    mkdir -p "$home/writers" || exit 1
    for one in $services; do
        [ "$(token_of "$one")" = "$1" ] || put "$home/writers/$one" "$1 $run $(now)$nl" || exit 1
    done
    sync "$home/writers"/* "$home/writers" 2>/dev/null || sync
}

# What all services agree on, else mixed, which allows nothing.
token() {
    [ -e "$dir/spec" ] || {
        echo none
        return
    }
    agreed=''
    for one in $services; do
        is=$(token_of "$one")
        [ "$is" != absent ] || is=none
        [ -z "$agreed" ] || [ "$agreed" = "$is" ] || is=mixed
        agreed=$is
    done
    # Between the decision and the last service's file.
    [ "$agreed" != here ] || [ "$(settled side)" != surrender ] || agreed=mixed
    echo "${agreed:-none}"
}

say_token() {
    echo "token $(token)"
    echo 'done'
}

# ---- server1

freeze() {
    same_spec || refuse other
    load ''
    [ "$(token)" = here ] || refuse token
    begin_work
    if [ "$(settled verdict)" = disarmed ] && [ -e "$dir/frozen" ]; then
        finish
        return
    fi
    if [ ! -e "$dir/until" ] || [ -e "$dir/verdict" ] || ! watching; then refuse guard; fi
    [ -e "$dir/record" ] || record
    hold_all
    stop_all
    load freeze
    sed 's/^/there is no /' "$dir/record/missing" >>"$problems"
    sed 's/^/word also stopped, as it needs one of them: /' "$dir/record/dependants"
    tell_others
    [ -s "$problems" ] || put "$dir/frozen" "$(now)$nl"
    sync
    [ ! -e "$dir/verdict" ] || refuse guard
    finish
}

prove() {
    same_spec || refuse other
    load ''
    [ -e "$dir/record" ] || problem 'the writers were not frozen'
    if [ -e "$dir/record" ]; then
        sed 's/^/there is no /' "$dir/record/missing" >>"$problems"
        prove_held
        prove_ports
    fi
    prove_files
    finish
}

# Only what is frozen, and what no guard and no thaw of this run will ever start.
surrender() {
    [ -e "$dir/spec" ] || refuse unknown
    load ''
    if [ "$(settled side)" != surrender ]; then
        if [ "$(settled verdict)" != disarmed ] || [ ! -e "$dir/frozen" ]; then refuse armed; fi
        [ "$(token)" = here ] || refuse token
        prove_held
        [ ! -s "$problems" ] || {
            finish
            return
        }
        settle side surrender
        [ "$(settled side)" = surrender ] || refuse thawing
    fi
    set_tokens moved
    say_token
}

restore() {
    [ -e "$dir/spec" ] || refuse unknown
    load ''
    if [ "$(settled side)" = surrender ]; then
        end_forwards
        set_tokens here
        rm -f "$dir/side"
        sync
        note restored
    fi
    say_token
}

# ---- the successor

# A host that has the token serves, or is about to: nothing is held there but by take_back or stop.
hold() {
    mkdir -p "$dir" || exit 1
    put "$dir/spec.new" "$spec" || exit 1
    mv -f "$dir/spec.new" "$dir/spec"
    load ''
    [ -z "$units" ] || systemd || refuse systemd
    for one in $services; do
        [ "$(token_of "$one")" != here ] || refuse serves
    done
    inherit
    set_tokens none
    hold_now
    finish
}

# A host that gave its token away in another run may get it back in this one: what ran there before it
# was frozen counts, and what its commands have frozen is to be thawed (DIR/former).
inherit() {
    [ ! -d "$dir/record" ] || return 0
    rm -rf "$dir/inherited"
    before=' '
    for one in $services; do
        is='' by=''
        { read -r is by _ <"$home/writers/$one"; } 2>/dev/null
        case $by in
        '' | "$run" | *[!A-Za-z0-9.-]*) continue ;;
        esac
        from=$home/runs/$by/writers
        [ "$is" = moved ] || [ -e "$from/former" ] || continue
        [ -d "$from/record" ] || continue
        case $before in
        *" $by "*) continue ;;
        esac
        before="$before$by "
        mkdir -p "$dir/inherited" || exit 1
        for file in units containers missing dependants cron ports; do
            cat "$from/record/$file" >>"$dir/inherited/$file" || exit 1
        done
        if [ -e "$from/former" ]; then cat "$from/former"; else cat "$from/spec" && echo; fi \
            >>"$dir/inherited/spec" || exit 1
    done
    [ -d "$dir/inherited" ] || return 0
    mv -f "$dir/inherited/spec" "$dir/former" && mv "$dir/inherited" "$dir/record" || exit 1
    sync
}

hold_now() {
    end_others
    begin_work
    record
    hold_all
    stop_all
    prove_held
}

start() {
    same_spec || refuse other
    load ''
    begin_work
    [ "$(token)" = here ] || refuse token
    [ -e "$dir/record" ] || record
    if [ -e "$dir/former" ]; then
        release_all all
        # What does not run yet may need its command; who does not run after it, does not run.
        rm -f "$problems"
        # shellcheck disable=SC1091 # made by hostshift for this host
        (doing=thaw && . "$dir/former")
    fi
    sed 's/^/there is no /' "$dir/record/missing" >>"$problems"
    release_all all
    finish
}

stop() {
    same_spec || refuse other
    load ''
    hold_now
    finish
}

receive() {
    [ -e "$dir/record" ] || refuse unknown
    load ''
    set_tokens here
    note received
    say_token
}

# The token goes first: what would start now, refuses; what starts already, is ended.
take_back() {
    [ -e "$dir/spec" ] || refuse unknown
    load ''
    set_tokens none
    hold_now
    note 'taken back'
    echo "token $(token)"
    finish
}

# What former runs held here is let go, and not started, so that it can be deployed anew.
let_go() {
    mkdir -p "$dir" || exit 1
    for dir in "$home"/runs/*/writers; do
        if [ ! -e "$dir/spec" ] || [ ! -e "$dir/record" ]; then continue; fi
        load ''
        [ "$(token)" != here ] || refuse serves
        while read -r _ _ _ one; do release_unit "$one"; done <"$dir/record/units"
        reload
        while read -r _ engine _ policy name; do
            release_container "$engine" "$name" "$policy"
        done <"$dir/record/containers"
        release_cron
        note "let go by run $run"
    done
    finish
}

main() {
    verb=$1 run=$2
    shift 2
    case $run in
    '' | *[!A-Za-z0-9.-]*) exit 2 ;;
    esac
    dir=$home/runs/$run/writers
    guard_unit=hostshift-writers-$run.service
    began=$(uptime_s) deadline=60 spec='' services='' volumes=''
    problems=$dir/problems.$$
    rm -f "$problems"
    case $verb in
    arm | forward) "$verb" "$@" ;;
    freeze | hold | start | stop)
        deadline=$1 spec=$2
        "$verb"
        ;;
    thaw | take_back)
        deadline=$1
        "$verb"
        ;;
    prove)
        spec=$1
        prove
        ;;
    token)
        [ ! -e "$dir/spec" ] || load ''
        say_token
        ;;
    status | disarm | surrender | restore | receive | let_go | end_forward | watch)
        "$verb"
        ;;
    *) exit 2 ;;
    esac
}
