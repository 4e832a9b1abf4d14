# shellcheck shell=sh
# release.sh: functions of a Debian release upgrade; it stands before a job's calls (act.sh).
# shellcheck disable=SC2154 # root is act.sh's
release=$root/var/lib/hostshift/release
apt=$root/etc/apt

# next_lines OLD NEW: one-line sources (sources.list(5)) on standard input as those of the next release.
# Debian's own archives, of whatever mirror, are known by the Origin of their Release file. What is not
# Debian's, and backports, becomes a comment: what they offer NEW isn't known here.
next_lines() {
    awk -v old="$1" -v new="$2" -v origins="$release/origins" '
        function slashed(uri) { return uri ~ /\/$/ ? uri : uri "/" }
        function off(why) {
            print "hostshift: off, " why ": " $0 >"/dev/stderr"
            print "# off for " new ", " why ": " $0
        }
        BEGIN {
            while ((getline line <origins) > 0) {
                split(line, word, " ")
                if (word[2] == "Debian") debian[slashed(word[1])]
            }
        }
        !/^[ \t]*deb(-src)?[ \t]/ { print; next }
        {
            before = ""; rest = $0
            match(rest, /^[ \t]*deb(-src)?[ \t]+(\[[^]]*\][ \t]*)?/)
            before = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1)
            match(rest, /^[^ \t]+[ \t]+/)
            uri = substr(rest, 1, RLENGTH); before = before uri; rest = substr(rest, RLENGTH + 1)
            sub(/[ \t]+$/, "", uri)
            match(rest, /^[^ \t]+/)
            suite = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1)
            if (!(slashed(uri) in debian)) { off("not of Debian"); next }
            if (suite ~ "^" old "-backports") { off("backports"); next }
            next_suite = suite
            if (suite == old "/updates") next_suite = new "-security"
            else if (suite == old || index(suite, old "-") == 1)
                next_suite = new substr(suite, length(old) + 1)
            print before next_suite rest
            if (next_suite != suite)
                print "hostshift: " uri ": " suite " becomes " next_suite >"/dev/stderr"
        }'
}

# next_stanzas OLD NEW: the same for deb822 sources.
next_stanzas() {
    awk -v old="$1" -v new="$2" -v origins="$release/origins" '
        function slashed(uri) { return uri ~ /\/$/ ? uri : uri "/" }
        function value(wanted,    i, field, found, text) {
            for (i = 1; i <= n; i++) {
                if (line[i] ~ /^#/) continue
                if (line[i] !~ /^[ \t]/) {
                    field = tolower(line[i]); sub(/[ \t]*:.*/, "", field)
                    found = field == wanted
                    text = line[i]; sub(/^[^:]*:/, "", text)
                } else text = line[i]
                if (found) values = values " " text
            }
        }
        function words(wanted) { values = ""; value(wanted); return values }
        function suites(    i, field, j, count, word, kept, begins, text, next_word) {
            for (i = 1; i <= n; i++) {
                if (line[i] ~ /^#/) continue
                if (line[i] !~ /^[ \t]/) {
                    field = tolower(line[i]); sub(/[ \t]*:.*/, "", field)
                    begins = line[i]; sub(/:.*/, ":", begins)
                    text = line[i]; sub(/^[^:]*:/, "", text)
                } else { begins = ""; text = line[i] }
                if (field != "suites") continue
                count = split(text, word, /[ \t]+/); kept = ""
                for (j = 1; j <= count; j++) {
                    if (word[j] == "") continue
                    next_word = word[j]
                    if (word[j] ~ "^" old "-backports") {
                        print "hostshift: off, backports: " word[j] >"/dev/stderr"
                        continue
                    }
                    if (word[j] == old "/updates") next_word = new "-security"
                    else if (word[j] == old || index(word[j], old "-") == 1)
                        next_word = new substr(word[j], length(old) + 1)
                    if (next_word != word[j])
                        print "hostshift: " uri ": " word[j] " becomes " next_word >"/dev/stderr"
                    kept = kept " " next_word; left++
                }
                if (begins != "") line[i] = begins kept
                else if (kept != "") line[i] = kept
                else line[i] = "# off for " new ", backports:" text
            }
        }
        function flush(    i, count, uris, every, why, field) {
            uri = words("uris")
            if (n && uri != "" && tolower(words("enabled")) !~ /^ *(no|false|off|0|without|disable) *$/) {
                sub(/^[ \t]+/, "", uri)
                count = split(uri, uris, /[ \t]+/); every = 1
                for (i = 1; i <= count; i++)
                    if (uris[i] != "" && !(slashed(uris[i]) in debian)) every = 0
                why = every ? "" : "not of Debian"
                left = 0
                if (every) { suites(); if (!left) why = "backports" }
                if (why != "") {
                    print "hostshift: off, " why ": " uri words("suites") >"/dev/stderr"
                    print "# Off for " new ": " why "."
                    print "Enabled: no"
                }
                for (i = 1; i <= n; i++) {
                    field = tolower(line[i]); sub(/[ \t]*:.*/, "", field)
                    if (why == "" || field != "enabled") print line[i]
                }
            } else for (i = 1; i <= n; i++) print line[i]
            n = 0
        }
        BEGIN {
            while ((getline known <origins) > 0) {
                split(known, word, " ")
                if (word[2] == "Debian") debian[slashed(word[1])]
            }
        }
        /^[ \t]*$/ { flush(); print; next }
        { line[++n] = $0 }
        END { flush() }'
}

# release_prepare OLD NEW: what the sources become, beside the present ones; changes nothing else.
release_prepare() {
    if [ -d "$release/before" ]; then # of an earlier upgrade
        mv "$release/before" "$release/before.$(date +%s)" || return 1
    fi
    rm -rf "$release/sources.list.d" "$release/lists"
    mkdir -p "$release/sources.list.d" "$release/lists/partial" && chmod 0700 "$release" || return 1
    # shellcheck disable=SC2016 # apt's own fields
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' >"$release/origins" || return 1
    true >"$release/sources.list"
    for file in "$apt/sources.list" "$apt"/sources.list.d/*.list "$apt"/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        name=${file#"$apt/"}
        case $name in
        *.sources) next_stanzas "$1" "$2" <"$file" >"$release/$name" ;;
        *) next_lines "$1" "$2" <"$file" >"$release/$name" ;;
        esac || return 1
    done
    if ! grep -qsw "$2" "$release/sources.list" "$release"/sources.list.d/*; then
        say "no source of Debian names $1: what the host is updated from must be changed by hand"
        return 1
    fi
    grep -lsw "$1" "$apt/preferences" "$apt"/preferences.d/* | while read -r file; do
        say "pins name $1: $file"
    done
    return 0
}

# release_apt, release_apt_cache ARGUMENT...: apt-get and apt-cache as they would be with the next release's
# sources.
release_apt() {
    with_release apt-get "$@"
}

release_apt_cache() {
    with_release apt-cache "$@"
}

with_release() {
    with=$1
    shift
    "$with" -o "Dir::Etc::sourcelist=$release/sources.list" \
        -o "Dir::Etc::sourceparts=$release/sources.list.d" -o "Dir::State::lists=$release/lists" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

# release_sizes: what would be downloaded, and what it takes of the disk. Asked, and answered by no.
release_sizes() {
    release_apt -o Debug::NoLocking=true --assume-no dist-upgrade |
        grep -E '^(Need to get|After this operation)'
}

# release_conffiles PATH PACKAGE...: from yours to what the next release's package brings, of each file that
# you have changed: a line "conffile PACKAGE VERSION PATH" (VERSION - where there is none), then "stays" or a
# unified diff, in which no line begins so. It is to be read (conffile_written.sh), and changes nothing. Such
# files may hold secrets, so it stays here, for root alone, and no log has it.
release_conffiles() {
    (umask 077 && : >"$release/differences.new") || return 1
    while [ $# -ge 2 ]; do
        version=$(LC_ALL=C release_apt_cache policy "$2" | sed -n 's/^  Candidate: //p' | head -n 1)
        if ! archive=$(fetched "$2" "$version"); then
            say "$2 gets no new version, so $1 stays yours" >&3
            printf 'conffile %s - %s\nstays\n' "$2" "$1"
        elif ! holds "$archive" "$1"; then
            say "$2 $version has no $1 any more, so it stays yours" >&3
            printf 'conffile %s %s %s\nstays\n' "$2" "$version" "$1"
        else
            say "what differs from your $1 to that of $2 $version is in $release/differences" >&3
            printf 'conffile %s %s %s\n' "$2" "$version" "$1"
            dpkg-deb --fsys-tarfile "$archive" | tar -xOf - ".$1" 2>/dev/null |
                diff -Nu --label "$1 (yours)" --label "$1 ($2 $version)" "$root$1" -
        fi 3>&1 >>"$release/differences.new"
        shift 2
    done
    mv -f "$release/differences.new" "$release/differences"
}

# placed DIRECTORY: its sources stand in /etc/apt, each file with its former owner and mode.
placed() {
    for file in "$1/sources.list" "$1"/sources.list.d/*.list "$1"/sources.list.d/*.sources; do
        target=$apt/${file#"$1/"}
        [ -f "$file" ] && [ -f "$target" ] || continue
        cp -p "$target" "$target.hostshift" && cat "$file" >"$target.hostshift" &&
            mv -f "$target.hostshift" "$target" || return 1
    done
}

# release_place: the prepared sources are the host's. Where a list can't be fetched the former ones
# come back, and nothing has changed.
release_place() {
    if [ ! -d "$release/before" ]; then
        rm -rf "$release/before.new" && mkdir -p "$release/before.new/sources.list.d" || return 1
        for file in "$apt/sources.list" "$apt"/sources.list.d/*.list "$apt"/sources.list.d/*.sources; do
            [ ! -f "$file" ] || cp -p "$file" "$release/before.new/${file#"$apt/"}" || return 1
        done
        sync && mv "$release/before.new" "$release/before" || return 1
    fi
    placed "$release" && apt-get -o APT::Update::Error-Mode=any update && return
    say "not all lists could be fetched: the former sources are put back"
    placed "$release/before" && apt-get update
    return 1
}

# release_done NEW: whether the host is what it should be, and what the old release left.
release_done() {
    found=$(sed -n 's/^VERSION_CODENAME=//p' "$root/etc/os-release" | tr -d '"')
    say "this host is ${found:-of no known release} now"
    [ "$found" = "$1" ] || return 1
    say "installed, and in no source any more:"
    apt list '~o' 2>/dev/null | sed -n 's|^\([^/ ]*\)/.*|  \1|p'
    say "no longer needed (apt-get autoremove removes them):"
    apt-get -s -o Debug::NoLocking=true autoremove | sed -n 's/^Remv \([^ ]*\).*/  \1/p'
    say "the former sources are in $release/before"
    rm -rf "$release/lists" "$release/differences"
}
