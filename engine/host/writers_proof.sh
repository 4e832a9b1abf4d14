# shellcheck shell=sh disable=SC2154 # root, dir and volumes are writers.sh's
# writers_proof.sh: whether nothing writes any more. A part of writers.sh, which goes after it; it
# only defines functions.

# What holds and what runs, as the service manager and the container engines say it now.
prove_held() {
    while read -r _ mode _ one; do
        # shellcheck disable=SC2046 # words
        set -- $(property "$one" LoadState,ActiveState,NeedDaemonReload,DropInPaths)
        if [ "$mode" = stop ]; then
            case ${2:-} in
            inactive | failed) ;;
            *) problem "$one is ${2:-in an unknown state}" ;;
            esac
        fi
        # Nothing starts these either.
        case ${1:-} in
        not-found | masked) continue ;;
        esac
        case " $* " in
        *" $(drop_in "$one") "*)
            if [ ! -e "$(drop_in "$one")" ] || [ "${3:-}" != no ]; then
                problem "what holds $one was changed"
            fi
            ;;
        *) problem "$one is not held" ;;
        esac
    done <"$dir/record/units"
    while read -r mode _ _ _ name; do
        # shellcheck disable=SC2046 # words
        set -- $(look_container "$name")
        [ "$#" = 3 ] || problem "container $name can't be looked at"
        [ "$mode" != stop ] || [ "${2:-}" != true ] || problem "container $name runs"
        [ "${3:-no}" = no ] || problem "container $name has the restart policy $3"
    done <"$dir/record/containers"
    while read -r file; do
        ! mention "$file" || problem "${file#"$root"} has an entry that is not held"
    done <"$dir/record/cron"
    crontabs | while read -r file; do
        grep -qxF -e "$file" "$dir/record/cron" ||
            problem "${file#"$root"} has an entry that was not there when the writers were frozen"
    done
}

prove_ports() {
    listening | while read -r place _; do
        sed -n "s/^$place //p" "$dir/record/ports" | while read -r one; do
            problem "TCP port $((0x${place##*:})), where $one listened, is still listened on"
        done
    done
}

# Every process, by its own view of the file systems: where a volume is mounted elsewhere (in a
# container, in a unit's name space) its files have other names there. /proc/PID/mountinfo tells a
# mount's file system, its root in that and its place (proc(5)); the modes of the links in
# /proc/PID/fd tell how a file was opened; a shared mapping that may be written needs no descriptor.
# shellcheck disable=SC2016 # awk's
open_files='
function unescape(word) {
    gsub(/\\040/, " ", word); gsub(/\\011/, "\t", word); gsub(/\\134/, "\\", word)
    return word
}
function below(path, top) { return path == top || top == "/" || index(path, top "/") == 1 }
function joined(top, rest) { return (top == "/" ? "" : top) (rest == "/" ? "" : rest) }
function under(path, top) { return top == "/" ? path : substr(path, length(top) + 1) }
function mounts(file, space,  line, part, k) {
    k = 0
    while ((getline line < file) > 0) {
        split(line, part, " ")
        k++
        dev[space, k] = part[3]; top[space, k] = unescape(part[4]); place[space, k] = unescape(part[5])
    }
    close(file)
    many[space] = k
}
function add(file_system, path) { wanted++; wdev[wanted] = file_system; wpath[wanted] = path }
function where(space,  i, k, path) {
    known[space] = 1
    for (i = 1; i <= wanted; i++)
        for (k = 1; k <= many[space]; k++) {
            if (dev[space, k] != wdev[i]) continue
            if (below(top[space, k], wpath[i])) path = place[space, k]
            else if (below(wpath[i], top[space, k]))
                path = joined(place[space, k], under(wpath[i], top[space, k]))
            else continue
            prefix[space, ++prefixes[space]] = path
        }
}
function inside(space, path,  i) {
    for (i = 1; i <= prefixes[space]; i++) if (below(path, prefix[space, i])) return 1
    return 0
}
function said(process, path, how,  comm, file) {
    if (process == shown && path == before) return
    shown = process; before = path
    file = proc "/" process "/comm"; comm = ""
    getline comm < file
    close(file)
    if (++told <= 20) print how, "process " process " (" comm ") " (how == "word" ? "is in " : "has ") path (how == "word" ? "" : " open for writing")
}
BEGIN {
    mounts(proc "/self/mountinfo", "host")
    n = split(ENVIRON["real"], volume, "\n")
    for (i = 1; i <= n; i++) {
        if (volume[i] == "") continue
        best = 0
        for (k = 1; k <= many["host"]; k++) {
            if (below(volume[i], place["host", k]) && (!best || length(place["host", k]) >= length(place["host", best]))) best = k
            if (below(place["host", k], volume[i])) add(dev["host", k], top["host", k])
        }
        if (best) add(dev["host", best], joined(top["host", best], under(volume[i], place["host", best])))
        prefix["host", ++prefixes["host"]] = volume[i]
    }
    where("host")
}
/^== / { section = $2; next }
section == "spaces" || section == "cwd" || section == "root" {
    at = index($0, " -> ")
    if (!at) next
    name = substr($0, 1, at - 1); target = substr($0, at + 4)
    process = substr(name, index(name, proc "/") + length(proc) + 1); sub(/\/.*/, "", process)
}
section == "spaces" {
    if (process == "self") { here = target; next }
    space = target == here ? "host" : target
    of[process] = space
    order[++processes] = process
    if (!(space in known)) { mounts(proc "/" process "/mountinfo", space); where(space) }
    next
}
section == "cwd" { if (inside(of[process] == "" ? "host" : of[process], target)) said(process, target, "word"); next }
section == "fd" && /:$/ { process = substr($0, length(proc) + 2); sub(/\/fd:$/, "", process); seen++; next }
section == "fd" {
    at = index($0, " -> /")
    if (!at || substr($0, 3, 1) != "w") next
    path = substr($0, at + 4)
    if (inside(of[process] == "" ? "host" : of[process], path)) said(process, path, "problem")
}
END {
    for (i = 1; i <= processes; i++) {
        file = proc "/" order[i] "/maps"
        while ((getline line < file) > 0) {
            if (line !~ /^[^ ]+ .w.s [^ ]+ [^ ]+ [0-9]+ +\//) continue
            path = substr(line, index(line, "/"))
            if (inside(of[order[i]], path)) said(order[i], path, "problem")
        }
        close(file)
    }
    if (told > 20) print "problem", told - 20, "more open files"
    if (!seen) print "problem the open files of the processes can not be read"
}
'

prove_files() {
    [ -n "$volumes" ] || return 0
    real=$(printf '%s' "$volumes" | while read -r path; do
        place=$(readlink -f "$root$path" 2>/dev/null)
        printf '%s\n' "${place#"$root"}" "$path"
    done | sort -u)
    export real
    {
        echo '== spaces'
        ls -l "$root/proc/self/ns/mnt"
        ls -l "$root"/proc/[0-9]*/ns/mnt
        echo '== cwd'
        ls -l "$root"/proc/[0-9]*/cwd
        echo '== fd'
        ls -l "$root"/proc/[0-9]*/fd
    } 2>/dev/null | awk -v proc="$root/proc" "$open_files" | while read -r how text; do
        "$how" "$text"
    done
    for file in "$root"/sys/block/loop*/loop/backing_file; do
        { read -r path <"$file"; } 2>/dev/null || continue
        printf '%s\n' "$real" | while read -r one; do
            case $path in
            "$one"/*) problem "$path is in use as a block device" ;;
            esac
        done
    done
}
