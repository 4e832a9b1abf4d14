# shellcheck shell=sh
# release_ubuntu.sh: functions of an Ubuntu release upgrade; it stands before a job's calls (act.sh).
# do-release-upgrade(8) ends with 0 also where it has done nothing, so what counts is what the host is
# afterwards. Its logs are /var/log/dist-upgrade/main.log, apt.log and term.log.
# shellcheck disable=SC2154 # root is act.sh's
upgrader_logs=$root/var/log/dist-upgrade

codename() {
    sed -n 's/^VERSION_CODENAME=//p' "$root/etc/os-release" | tr -d '"'
}

# third_party: sources that are not Ubuntu's, a line each, by the Origin of their Release files.
third_party() {
    # shellcheck disable=SC2016 # apt's own fields
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' 2>/dev/null |
        awk '$3 != "Ubuntu" && $3 !~ /^UbuntuESM/ && !seen[$1 $2]++ { print $1, $2 }'
}

# release_offered: which release there is, by the upgrader's own check; what stands against it.
release_offered() {
    LC_ALL=C do-release-upgrade -c </dev/null >"$dir/offered" 2>&1
    ended=$?
    sed 's/^/  /' "$dir/offered"
    if [ "$ended" != 0 ]; then
        say "do-release-upgrade offers no release. It says the same where Ubuntu could not be asked,"
        say "and where the next LTS has no point release yet; see Prompt= in"
        say "/etc/update-manager/release-upgrades, and whether changelogs.ubuntu.com can be reached."
        return 1
    fi
    if awk '$2 == "/tmp" && $4 ~ /(^|,)noexec(,|$)/ { found = 1 } END { exit !found }' \
        "$root/proc/mounts" 2>/dev/null; then
        say "/tmp is mounted noexec, and the upgrader runs from there: mount -o remount,exec /tmp"
        return 1
    fi
    say "switched off by it, as they are not Ubuntu's:"
    third_party | sed 's/^/  /'
    say "packages that are removed are known only when it runs: it asks nobody, and says yes"
    return 0
}

# release_upgrade OLD: the upgrader without questions and without screen, its logs followed.
release_upgrade() {
    mkdir -p "$upgrader_logs" || return 1
    for log in main.log term.log; do
        [ -e "$upgrader_logs/$log" ] || : >"$upgrader_logs/$log"
    done
    tail -n 0 -F "$upgrader_logs/main.log" "$upgrader_logs/term.log" 2>/dev/null &
    follows=$!
    # As started by nobody's login: it would ask about SSH and open a second sshd.
    env -u SSH_CONNECTION -u SSH_CLIENT -u SSH_TTY RELEASE_UPGRADER_NO_SCREEN=1 \
        do-release-upgrade -f DistUpgradeViewNonInteractive </dev/null
    ended=$?
    sleep 2 # tail looks once a second
    kill "$follows"
    wait "$follows" 2>/dev/null
    say "do-release-upgrade ended with status $ended"
    if [ "$(codename)" = "$1" ]; then
        say "this host is $1 still: the upgrader did nothing, whatever its status says"
        grep -h -E 'ERROR|WARNING' "$upgrader_logs/main.log" | tail -n 10 | sed 's/^/  /'
        return 1
    fi
    return "$ended"
}

# release_is_new OLD: whether the host is another release in all that it says, and what it left.
release_is_new() {
    now=$(codename)
    say "this host is ${now:-of no known release} now"
    if [ -z "$now" ] || [ "$now" = "$1" ]; then return 1; fi
    left=$(grep -h -s -E "^[^#]*[[:space:]]$1([-[:space:]]|\$)" "$root/etc/apt/sources.list" \
        "$root"/etc/apt/sources.list.d/*.list "$root"/etc/apt/sources.list.d/*.sources)
    if [ -n "$left" ]; then
        say "sources that still name $1:"
        printf '%s\n' "$left" | sed 's/^/  /'
        return 1
    fi
    say "switched off on the way:"
    grep -h -s -i -E 'disabled on upgrade|^enabled: *no' "$root"/etc/apt/sources.list.d/* \
        "$root/etc/apt/sources.list" | sed 's/^/  /'
    say "installed, and in no source any more:"
    apt list '~o' 2>/dev/null | sed -n 's|^\([^/ ]*\)/.*|  \1|p'
    return 0
}
