# shellcheck shell=sh
# grub.sh: functions that have GRUB boot a new kernel once; it stands before a job's calls (act.sh), and
# grub_menu.sh before it.
# shellcheck disable=SC2154 # root is act.sh's

grub_file() {
    printf '%s' "$root/boot/grub/grubenv"
}

# grub_once RUNNING NEW: the kernel RUNNING becomes what GRUB boots, and NEW what it boots once.
grub_once() {
    running=$(grub_entries | awk -v r="$1" '$1 == r { print $2; exit }')
    new=$(grub_entries | awk -v r="$2" '$1 == r { print $2; exit }')
    if [ -z "$running" ] || [ -z "$new" ]; then
        say "GRUB's menu has no entry for ${1} or ${2} any more: run update-grub, then plan again"
        return 1
    fi
    for layer in $(grub-probe --target=abstraction "$(grub_file)" 2>/dev/null); do
        case $layer in
        diskfilter | lvm)
            say "GRUB can't write to $layer, and would boot that entry for ever"
            return 1
            ;;
        esac
    done
    home=$root/var/lib/hostshift
    # Of the first that began it: what was chosen before hostshift was there.
    if [ ! -e "$home/grub-default" ]; then
        grub_saved saved_entry >"$home/grub-default.new" && sync &&
            mv -f "$home/grub-default.new" "$home/grub-default" || return 1
    fi
    grub-editenv "$(grub_file)" set "saved_entry=$running" "next_entry=$new" || return 1
    sync
    say "GRUB boots $new once; then $running, until this is confirmed"
    [ "$(grub_saved next_entry)" = "$new" ] && [ "$(grub_saved saved_entry)" = "$running" ]
}

# grub_settle NEW: the new kernel runs and is well: GRUB goes by what it went by before.
grub_settle() {
    home=$root/var/lib/hostshift
    [ -e "$home/grub-default" ] || return 0
    if [ "$(uname -r)" != "$1" ]; then
        say "$(uname -r) runs, not $1: GRUB goes on booting the former kernel"
        return 1
    fi
    former=$(cat "$home/grub-default") || return 1
    if [ -n "$former" ]; then
        grub-editenv "$(grub_file)" set "saved_entry=$former" || return 1
    else
        grub-editenv "$(grub_file)" unset saved_entry || return 1
    fi
    grub-editenv "$(grub_file)" unset next_entry || return 1
    sync
    [ "$(grub_saved saved_entry)" = "$former" ] || return 1
    rm -f "$home/grub-default"
    say "GRUB boots ${former:-the first entry, the newest kernel} by itself again"
}
