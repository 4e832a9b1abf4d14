#!/bin/sh
# versions.sh ROOT: every package that dpkg knows, its state and version, tab separated.
# dpkg-query(1): Status-Abbrev is what is wanted, what is, and an error mark, such as "ii ".
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
# shellcheck disable=SC2016 # dpkg-query's own fields
exec dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Architecture}\t${Version}\n' </dev/null
