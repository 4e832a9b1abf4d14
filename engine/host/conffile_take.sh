# shellcheck shell=sh
# conffile_take.sh: functions that put the package's version of configuration files in place before
# dpkg comes to them; it stands before a job's calls (act.sh). dpkg asks about none that is already as
# the new version has it (dpkg's source, configure.c: a file like the new one is kept as it is).
# shellcheck disable=SC2154 # root and dir are act.sh's

# take_new PATH PACKAGE VERSION: from the archive that apt has fetched. The former file lies beside it
# as .dpkg-old, as dpkg itself would leave it.
take_new() {
    archive=$(fetched "$2" "$3") || {
        say "apt has not kept the archive of $2 $3, so its $1 can't be had"
        return 1
    }
    target=$(readlink -m "$root$1") && [ ! -d "$target" ] || return 1
    rm -rf "$dir/new" && mkdir "$dir/new" || return 1
    dpkg-deb --fsys-tarfile "$archive" | tar -xpf - -C "$dir/new" ".$1" || return 1
    [ -f "$dir/new$1" ] || {
        say "$1 is no file in $archive"
        return 1
    }
    existed=no
    if [ -e "$target" ]; then
        existed=yes
        chown --reference="$target" "$dir/new$1" && chmod --reference="$target" "$dir/new$1" &&
            cp -p "$target" "$target.dpkg-old" || return 1
    else
        mkdir -p "${target%/*}" || return 1
    fi
    # What is noted and not done is put back to the same; what is done and not noted never would be.
    printf '%s\t%s\t%s\t%s\n' "$2" "$3" "$existed" "$target" >>"$dir/taken" || return 1
    trap settle_taken EXIT
    cp -p "$dir/new$1" "$target.hostshift-new" && mv -f "$target.hostshift-new" "$target" || return 1
    say "took $1 of $2 $3"
}

# take_coming PATH PACKAGE: of the version that apt would install now; nothing where there is no new one.
take_coming() {
    # shellcheck disable=SC2016 # dpkg-query's own field
    now=$(dpkg-query -W -f '${Version}' "$2" 2>/dev/null)
    version=$(LC_ALL=C apt-cache policy "$2" | sed -n 's/^  Candidate: //p' | head -n 1)
    case $version in
    '' | '(none)' | "$now")
        say "$2 gets no new version, so $1 stays yours"
        return 0
        ;;
    esac
    if archive=$(fetched "$2" "$version") && ! holds "$archive" "$1"; then
        say "$2 $version has no $1 any more, so it stays yours"
        return 0
    fi
    take_new "$1" "$2" "$version"
}

# At the end, however it came: a file whose package has not got the new version goes back to what it
# was. What was taken is told with what came to lie beside configuration files (find_kept).
settle_taken() {
    [ -e "$dir/taken" ] || return 0
    while IFS='	' read -r package version existed target; do
        # shellcheck disable=SC2016 # dpkg-query's own field
        if [ "$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null)" = "$version" ]; then
            if [ "$existed" = yes ]; then printf '%s.dpkg-old\n' "${target#"$root"}" >>"$dir/kept"; fi
        elif [ "$existed" = yes ]; then
            mv -f "$target.dpkg-old" "$target" && say "put back $target: $package is not $version"
        else
            rm -f "$target" && say "removed $target again: $package is not $version"
        fi
    done <"$dir/taken"
}
