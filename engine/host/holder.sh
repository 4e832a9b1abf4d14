# shellcheck shell=sh disable=SC2154 # root is the script's that follows
# holder.sh: who holds the package manager's locks. Goes before scripts that set root; it only
# defines a function.

# Who holds one of them, as "process 123 (name)". proc(5): /proc/locks tells process and inode of
# POSIX locks; as inode numbers repeat across file systems, the process must have that very file
# open (where its descriptors can be seen).
lock_holder() {
    for file in var/lib/dpkg/lock-frontend var/lib/dpkg/lock var/lib/apt/lists/lock \
        var/cache/apt/archives/lock; do
        id=$(stat -c %d:%i "$root/$file" 2>/dev/null) || continue
        # shellcheck disable=SC2013 # numbers
        for pid in $(awk -v inode="${id#*:}" '$2 == "POSIX" && $4 == "WRITE" {
                n = split($6, part, ":"); if (part[n] == inode) print $5 }' "$root/proc/locks"); do
            if [ -d "$root/proc/$pid/fd" ] &&
                ! stat -L -c %d:%i "$root/proc/$pid/fd/"* 2>/dev/null | grep -qx "$id"; then
                continue
            fi
            name=$(tr '\0' ' ' <"$root/proc/$pid/cmdline" 2>/dev/null | cut -c1-200)
            [ -n "$name" ] || name=$(cat "$root/proc/$pid/comm" 2>/dev/null)
            printf 'process %s (%s)\n' "$pid" "${name% }"
            return
        done
    done
}
