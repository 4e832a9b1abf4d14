# shellcheck shell=sh
# grub_device.sh: a function that has grub-pc install its boot loader to the disk that GRUB's files lie on;
# it stands before a job's calls (act.sh).
# shellcheck disable=SC2154 # root is act.sh's

# grub_device: what debconf(7) remembers of grub-pc/install_devices becomes that disk, by a name that stays.
# Nothing is written to the disk: grub-pc does that when it is updated.
grub_device() {
    disk=$(grub-probe --target=disk "$root/boot/grub") || return 1
    set -- "$(printf '%s\n' "$disk" | sort -u)"
    case $1 in
    '' | *'
'*)
        say "GRUB's files don't lie on one disk ($(printf '%s' "$1" | tr '\n' ' ')): choose by dpkg-reconfigure grub-pc"
        return 1
        ;;
    esac
    for link in "$root"/dev/disk/by-id/*; do
        [ "$(readlink -f "$link")" = "$1" ] && set -- "${link#"$root"}" && break
    done
    printf 'grub-pc grub-pc/install_devices multiselect %s\n' "$1" | debconf-set-selections || return 1
    say "grub-pc installs its boot loader to $1 from now on"
}
