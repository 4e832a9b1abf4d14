# shellcheck shell=sh disable=SC2034,SC2154 # what writers.sh has set, and uses
# writers_watch.sh: the guard that thaws when nobody disarms it, and who decides. A part of
# writers.sh, which goes after it; it only defines functions.
#
# DIR/until is "BOOT UPTIME EPOCH LENGTH": within that boot /proc/uptime counts, so that no jump of
# the clock matters, and in another one what the clock leaves of it, at most its whole length: a
# deadline that passed while the host was off has passed.

boot_id() {
    cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null || echo unknown
}

uptime_s() {
    cut -d. -f1 /proc/uptime
}

set_until() {
    put "$dir/until" "$(boot_id) $(($(uptime_s) + $1)) $(($(date +%s) + $1)) $2$nl" || exit 1
}

# seconds_left: negative once it has passed.
seconds_left() {
    read -r boot at epoch length <"$dir/until" || return 1
    if [ "$boot" = "$(boot_id)" ]; then
        echo $((at - $(uptime_s)))
        return
    fi
    remains=$((epoch - $(date +%s)))
    if [ "$remains" -gt "$length" ]; then remains=$length; fi
    echo "$remains"
}

# ---- deciding

# settle FILE WORD: link(2) fails where the name exists: of two, one decides. The blocks were
# allocated at arming, so that a full disk can't swallow it.
settle() {
    [ ! -e "$dir/$1" ] || return 1
    printf '%-63s\n' "$2 $(now)" 1<>"$dir/words/$2" || return 1
    sync "$dir/words/$2" 2>/dev/null
    ln "$dir/words/$2" "$dir/$1" 2>/dev/null || return 1
    sync "$dir" 2>/dev/null
    note "$2"
}

settled() {
    settled_as=''
    { read -r settled_as _ <"$dir/$1"; } 2>/dev/null
    printf '%s' "$settled_as"
}

# ---- who is at work here. What begins looks at the verdict after it has left its name, and what
# decides otherwise ends it after the verdict: one of them sees the other.

begin_work() {
    put "$dir/busy" "$$ $(start_time "$$")$nl" || exit 1
}

children() {
    cat /proc/[0-9]*/stat 2>/dev/null | sed -n 's/^\([0-9]*\) .*) [^ ] \([0-9]*\) .*/\1 \2/p' |
        awk -v top="$1" '{ parent[$1] = $2 }
            END { for (one in parent) {
                up = one
                while (up in parent && up != top && up > 1) up = parent[up]
                if (up == top && one != top) print one
            } }'
}

end_others() {
    { read -r other started <"$dir/busy"; } 2>/dev/null || return 0
    [ "$other" != "$$" ] && is_process "$other" "$started" || return 0
    kill -STOP "$other"
    # shellcheck disable=SC2046 # numbers
    kill -STOP $(children "$other") 2>/dev/null
    all=$(children "$other")
    kill -KILL "$other"
    # shellcheck disable=SC2086
    kill -TERM $all 2>/dev/null
    # shellcheck disable=SC2086
    kill -CONT $all 2>/dev/null
    note "ended what was at work as process $other"
}

# ---- arming

# Without systemd the guard is a process that a reboot ends.
watch_over() {
    in_etc=''
    if [ -z "$root" ] && systemd; then in_etc=$guard_unit; fi
    set_on_watch "$in_etc" "thaws the writers of run $run when nobody comes back" "$dir/log" \
        "$dir/guardian" "$root" watch "$run"
}

# What a former attempt of this run has left is kept beside it.
next_round() {
    round=1
    while [ -e "$dir.$round" ]; do round=$((round + 1)); done
    mv "$dir" "$dir.$round" || exit 1
}

arm() {
    seconds=$1 spec=$2 text=$3
    if [ -e "$dir/verdict" ]; then
        if [ -e "$dir/record" ] && [ ! -e "$dir/thawed" ]; then refuse ended; fi
        while watching && [ "$(left)" -gt 30 ]; do sleep 1; done
        next_round
    fi
    mkdir -p "$dir/words" || exit 1
    if [ -e "$dir/record" ]; then
        same_spec || refuse other
    else
        put "$dir/spec" "$spec" || exit 1
    fi
    load ''
    if [ -n "$units" ] && ! systemd; then refuse systemd; fi
    for one in $services; do
        case $(token_of "$one") in
        here | absent) ;;
        *) refuse token ;;
        esac
    done
    for one in fired disarmed thaw surrender; do
        [ -e "$dir/words/$one" ] || printf '%-63s\n' "$one" >"$dir/words/$one" || exit 1
    done
    put "$dir/guardian" "$text" || exit 1
    set_until "$seconds" "$seconds"
    set_tokens here
    note "armed for $seconds seconds"
    if [ ! -e "$dir/verdict" ] && ! watching; then watch_over; fi
    sync
    status
}

# ---- watching

watch() {
    PATH="${root:+$root/usr/bin:}$PATH"
    load ''
    deadline=3600
    put "$dir/pid" "$$ $(start_time "$$")$nl"
    while [ ! -e "$dir/verdict" ]; do
        seconds=$(seconds_left) || exit 1
        read -r boot _ _ length <"$dir/until"
        if [ "$boot" != "$(boot_id)" ]; then
            note 'the host was restarted; still on guard'
            set_until "$seconds" "$length"
        fi
        [ "$seconds" -gt 0 ] || break
        if [ "$seconds" -gt 15 ]; then sleep 2; else sleep 1; fi
    done
    settle verdict fired
    if [ "$(settled verdict)" = fired ]; then
        # A boot starts things by itself; its end is waited for.
        ! systemd || within 180 systemctl is-system-running --wait >/dev/null
        end_others
        began=$(uptime_s)
        [ -e "$dir/thawed" ] || put_back
        rm -f "$problems"
    fi
    remove_watch "$guard_unit"
}

# ---- ending

# Once it is disarmed its process has nothing more to do.
end_guard() {
    settle verdict disarmed
    [ "$(settled verdict)" = disarmed ] || return 0
    if [ -e "$system/$guard_unit" ]; then
        [ -n "$root" ] || within 30 systemctl stop "$guard_unit"
        remove_watch "$guard_unit"
    fi
    ! watching || kill "$watcher"
}

disarm() {
    [ ! -e "$dir/until" ] || end_guard
    status
}

# put_back: thawed again, by the guard or by hostshift; DIR/thawed holds what did not work.
put_back() {
    rm -f "$dir/thawed"
    [ "$(token)" = here ] || refuse token
    settle side thaw
    [ "$(settled side)" = thaw ] || refuse token
    rm -f "$dir/frozen"
    if [ -e "$dir/record" ]; then
        release_all ran
        load thaw
        groups | while read -r group; do
            ! commanded "$group" || start_group "$group" ran
        done
    fi
    sync
    put "$dir/thawed" "$(cat "$problems" 2>/dev/null)$nl" || exit 1
    note "thawed$(sed -n 's/^\(..*\)/; \1/p' "$dir/thawed" | tr -d '\n')"
}

thaw() {
    [ -e "$dir/spec" ] || refuse unknown
    load ''
    [ "$(token)" = here ] || refuse token
    [ "$(settled side)" != surrender ] || refuse token
    end_guard
    while [ "$(settled verdict)" = fired ] && [ ! -e "$dir/thawed" ] && watching && [ "$(left)" -gt 1 ]; do
        sleep 1
    done
    if [ ! -e "$dir/thawed" ] || [ -n "$(cat "$dir/thawed")" ]; then
        end_others
        put_back
    fi
    finish
}

status() {
    if [ ! -e "$dir/until" ]; then
        echo 'state none'
        echo 'done'
        return
    fi
    word=$(settled verdict)
    echo "state ${word:-armed}"
    if [ -z "$word" ]; then
        echo "left $(seconds_left)"
        if watching; then echo 'watching yes'; else echo 'watching no'; fi
        if [ -e "$system/$guard_unit" ]; then echo 'lasting yes'; else echo 'lasting no'; fi
    else
        sed -n 's/^[a-z]* \([0-9TZ:-]*\) *$/at \1/p' "$dir/verdict"
    fi
    echo "now $(now)"
    [ ! -e "$dir/frozen" ] || echo frozen
    if [ -e "$dir/thawed" ]; then
        echo thawed
        sed -n 's/^\(..*\)$/problem \1/p' "$dir/thawed"
    fi
    echo 'done'
}
