# shellcheck shell=sh
# undo.sh: functions that take the last apt transaction back; it stands before a job's calls (act.sh).
# What it was is read from apt's own record, /var/log/apt/history.log.
# shellcheck disable=SC2154 # root, dir and status are act.sh's
undo=$root/var/lib/hostshift/undo

# The last paragraph of the record that changed packages; of the rotated one where there is none.
last_transaction() {
    {
        zcat "$root/var/log/apt/history.log.1.gz" 2>/dev/null
        echo
        cat "$root/var/log/apt/history.log" 2>/dev/null
    } | awk 'BEGIN { RS = "" } /\n(Install|Upgrade|Downgrade|Remove|Purge|Reinstall): / { last = $0 }
        END { if (last == "") exit 1; print last }'
}

# What apt-get has to be asked for, from such a paragraph: "install|remove NAME VERSION", a line each. Its
# fields are "Verb: NAME:ARCH (VERSION[, VERSION][, automatic]), ..." (apt-pkg/deb/dpkgpm.cc).
wanted() {
    awk '
        match($0, /^(Install|Upgrade|Downgrade|Remove|Purge): /) {
            verb = substr($0, 1, RLENGTH - 2); rest = substr($0, RLENGTH + 1)
            while (match(rest, /[^ ,()]+ \([^)]*\)/)) {
                one = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
                at = index(one, " "); name = substr(one, 1, at - 1)
                versions = substr(one, at + 2, length(one) - at - 2)
                n = split(versions, version, ", ")
                if (verb == "Install") print "remove", name, version[1]
                else print "install", name, version[1]
            }
        }'
}

# undo_look: what taking it back would do, on the log and for undo_go; nothing is changed.
undo_look() {
    rm -rf "$undo" && mkdir -p "$undo" || return 1
    last_transaction >"$undo/last" || {
        say "apt has no record of a transaction that changed packages (/var/log/apt/history.log)"
        return 1
    }
    say "the last transaction, as apt has recorded it:"
    cut -c1-2000 "$undo/last"
    running=linux-image-$(uname -r)
    wanted <"$undo/last" >"$undo/wanted"
    : >"$undo/words"
    lacking=no
    while read -r verb name version; do
        if [ "$verb" = remove ]; then
            case ${name%%:*} in
            linux-image-* | linux-headers-* | linux-modules-*)
                say "$name stays: kernels are kept beside each other${running:+ ($running runs)}"
                ;;
            *) printf '%s-\n' "$name" >>"$undo/words" ;;
            esac
        elif on_offer "$name" "$version"; then
            printf '%s=%s\n' "$name" "$version" >>"$undo/words"
        elif ! fetched "$name" "$version" >>"$undo/words"; then
            say "$name $version is neither in an archive of this host's sources nor in apt's cache"
            lacking=yes
        fi
    done <"$undo/wanted"
    [ "$lacking" = no ] || return 1
    [ -s "$undo/words" ] || {
        say "nothing of it can be taken back"
        return 1
    }
    say "to take it back would do this:"
    undo_apt -s -o Debug::NoLocking=true >"$undo/simulation" || {
        status=$?
        cat "$undo/simulation"
        return "$status"
    }
    cat "$undo/simulation"
    canonical <"$undo/simulation" >"$undo/planned"
    [ -s "$undo/planned" ] || {
        say "there is nothing to take back: all of it is as it was before"
        return 1
    }
}

# on_offer NAME VERSION: whether an archive of this host's sources has it. apt-cache show ends with 0 also
# where it has only another version.
on_offer() {
    apt-cache madison "$1" 2>/dev/null | awk -F '|' -v wanted="$2" '
        { gsub(/ /, "", $2) } $2 == wanted { found = 1 } END { exit !found }'
}

undo_apt() {
    # shellcheck disable=SC2046 # names, versions and files of archives have no blanks
    apt-get "$@" --allow-downgrades install $(cat "$undo/words")
}

# undo_go OPTION...: what undo_look has told, if it is still just that.
undo_go() {
    undo_apt -s -o Debug::NoLocking=true >"$dir/simulation" || return
    canonical <"$dir/simulation" >"$dir/found"
    if ! cmp -s "$undo/planned" "$dir/found"; then
        {
            comm -23 "$undo/planned" "$dir/found" | sed 's/^/- /'
            comm -13 "$undo/planned" "$dir/found" | sed 's/^/+ /'
        } >"$dir/difference"
        say "this host would now change something else than was looked at; nothing was changed:"
        cat "$dir/difference"
        leave 10
    fi
    # shellcheck disable=SC2046 # as in undo_apt
    in_hand apt-get "$@" --allow-downgrades install $(cat "$undo/words") && rm -rf "$undo"
}
