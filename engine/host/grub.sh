# shellcheck shell=sh
# grub.sh: functions that have GRUB boot a new kernel once; it stands before a job's calls (act.sh), and
# grub_menu.sh before it.
# shellcheck disable=SC2154 # root is act.sh's

grub_file() {
    printf '%s' "$root/boot/grub/grubenv"
}

grub_entry() {
    grub_entries | awk -v release="$1" '$1 == release { print $2; exit }'
}

# grub_once RUNNING [NEW]: the kernel RUNNING becomes what GRUB boots, and NEW what it boots once; without NEW
# the menu's first, the newest one. Where the host runs that already there is nothing to do. A release upgrade
# says no NEW, and goes on without: the new release needs the reboot.
grub_once() {
    unable=1
    [ $# -gt 1 ] || unable=0
    release=${2:-$(grub_entries | sed -n '1s/ .*//p')}
    if [ "$unable" = 0 ] && [ "$release" = "$1" ]; then
        say "GRUB has no newer kernel than $1"
        return 0
    fi
    running=$(grub_entry "$1") new=$(grub_entry "$release")
    if [ -z "$running" ] || [ -z "$new" ]; then
        say "GRUB's menu has no entry for ${1} or ${release:-another} any more: run update-grub, then plan again"
        return "$unable"
    fi
    for layer in $(grub-probe --target=abstraction "$(grub_file)" 2>/dev/null); do
        case $layer in
        diskfilter | lvm)
            say "GRUB can't write to $layer, and would boot that entry for ever"
            return "$unable"
            ;;
        esac
    done
    home=$root/var/lib/hostshift
    printf '%s\n' "$release" >"$home/grub-once.new" && mv -f "$home/grub-once.new" "$home/grub-once" || return 1
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

# grub_settle: the new kernel runs and is well: GRUB goes by what it went by before.
grub_settle() {
    home=$root/var/lib/hostshift
    [ -e "$home/grub-default" ] || return 0
    if [ "$(uname -r)" != "$(cat "$home/grub-once")" ]; then
        say "$(uname -r) runs, not $(cat "$home/grub-once"): GRUB goes on booting the former kernel"
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
    rm -f "$home/grub-default" "$home/grub-once"
    say "GRUB boots ${former:-the first entry, the newest kernel} by itself again"
}
