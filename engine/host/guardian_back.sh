# shellcheck shell=sh disable=SC2154 # armed, dir, root and bad are guardian.sh's
# guardian_back.sh: the way back, which a guard takes when it fires. A part of guardian.sh, which
# goes after it; it only defines functions.

# put_back PATH: makes it what it was. Renamed in one go where it is no mount point.
put_back() {
    saved=$armed/saved$1 now=$root$1 away=$dir/replaced$1
    if there "$now" && ! there "$away"; then
        rm -rf "$away.part"
        if mkdir -p "${away%/*}" && cp -a "$now" "$away.part"; then
            mv "$away.part" "$away"
        else
            say "could not keep what $1 is now"
        fi
    fi
    if ! there "$saved"; then
        there "$away" && rm -rf "$now" && say "moved away $1, which was not there at arming"
        return
    fi
    new=$now.hostshift-new old=$now.hostshift-old
    rm -rf "$new" "$old"
    if ! { mkdir -p "${now%/*}" && cp -a "$saved" "$new"; }; then
        rm -rf "$new"
        say "could not restore $1"
        return
    fi
    if ! there "$now" || mv "$now" "$old" 2>/dev/null; then
        mv "$new" "$now"
    elif [ -d "$now" ]; then
        cp -a "$new/." "$now/"
    else
        cat "$new" >"$now"
    fi
    rm -rf "$new" "$old"
    differs=
    if has diff && there "$away"; then
        differs=$(diff -rq "$saved" "$away" 2>&1 | sed "s|$dir/||g" | head -n 20 | tr '\n' ';')
    fi
    say "restored $1${differs:+: $differs}"
}

# Whether a path is again what was saved, read anew; without diff(1) that isn't known, and so no.
is_back() {
    saved=$armed/saved$1 now=$root$1
    if ! there "$saved"; then
        ! there "$now"
    elif [ -L "$saved" ] || [ -L "$now" ]; then
        [ "$(readlink "$saved")" = "$(readlink "$now")" ]
    else
        # What a link leads to lies beside the copy, not in it; busybox' diff always follows.
        as_links=--no-dereference
        diff $as_links /dev/null /dev/null >/dev/null 2>&1 || as_links=
        # shellcheck disable=SC2086 # a word or none
        diff -r $as_links "$saved" "$now" >/dev/null 2>&1
    fi
}

# All of a topic's units at once, as a socket can't be restarted without its service.
restart() {
    units=$(sed -n "s/^$1 //p" "$armed/units")
    [ -n "$units" ] && has systemctl || return 0
    # shellcheck disable=SC2086 # words
    within 20 systemctl reset-failed $units 2>/dev/null
    # shellcheck disable=SC2086
    if within 90 systemctl restart $units; then
        say "restarted" $units
    else
        say "could not restart" $units
    fi
}

# firewalld makes its rules itself; others get those of the moment of arming.
firewall_back() {
    restart firewall
    ! grep -q '^firewall ' "$armed/units" || return 0
    for rules in nft iptables ip6tables; do
        [ -e "$armed/$rules.rules" ] || continue
        load=$rules-restore
        [ "$rules" != nft ] || load='nft -f -'
        # shellcheck disable=SC2086 # words
        if timeout 30 $load <"$armed/$rules.rules"; then
            say "loaded the rules of $rules as they were at arming"
        else
            say "could not load the rules of $rules"
        fi
    done
}

# Addresses and routes as the kernel knew them, for what no manager brings back.
kernel_back() {
    has ip || return 0
    while read -r device address; do
        ip link set dev "$device" up
        ip addr add "$address" dev "$device"
    done <"$armed/addresses" 2>/dev/null
    while read -r route; do
        # shellcheck disable=SC2086 # words
        case $route in
        *:*) ip -6 route replace $route ;;
        *) ip route replace $route ;;
        esac
    done <"$armed/routes" 2>/dev/null
    say "addresses and routes set as they were at arming"
}

revert() {
    while read -r path; do
        put_back "$path"
    done <"$armed/covered"
    ! has systemctl || within 60 systemctl daemon-reload
    ! covers firewall || firewall_back
    if covers network; then
        ! has netplan || within 60 netplan generate
        restart network
        passes || kernel_back
    fi
    ! covers deployment || deployment_back
    restart ssh
    if passes; then
        say "the host's own test passes again"
        after=passes
    else
        say "the host's own test still fails: $bad"
        after=fails
    fi
    echo "$after" >"$dir/after.new" && mv -f "$dir/after.new" "$dir/after"
    sync
}
