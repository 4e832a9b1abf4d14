# shellcheck shell=sh
# grub_menu.sh: functions that read what GRUB boots; a part of the probe, and before grub.sh.
# Facts are of grub-editenv(1) and the form in which grub-mkconfig writes grub.cfg (util/grub.d/00_header.in
# and 10_linux.in).
# shellcheck disable=SC2154 # root is the probe's, or act.sh's

# grub_entries: "RELEASE ID" of each entry of the menu that boots a kernel, with the way to it; not those
# for recovery, nor the first one, which is whatever is newest.
grub_entries() {
    awk -v q="'" '
        function id(    rest, at) {
            at = index($0, "menuentry_id_option " q)
            if (!at) return ""
            rest = substr($0, at + length("menuentry_id_option " q))
            return substr(rest, 1, index(rest, q) - 1)
        }
        /^submenu / { sub_menu = id() }
        /^}/ { sub_menu = "" }
        /^[ \t]*menuentry / { entry = id() }
        /^[ \t]*linux(efi)?[ \t]/ && entry != "" {
            release = $2
            if (!sub(/^.*\/vmlinu[xz]-/, "", release)) next
            if (index(entry, release) && entry !~ /recovery|-init-/)
                print release, (sub_menu == "" ? "" : sub_menu "\076") entry
            entry = ""
        }' "$root/boot/grub/grub.cfg" 2>/dev/null
}

grub_saved() {
    sed -n "s/^$1=//p" "$root/boot/grub/grubenv" 2>/dev/null | head -n 1
}

# grub_writes: whether GRUB itself can take next_entry out again when it boots: not on what the kernel
# puts together (RAID, LVM), nor on file systems that GRUB can't write a block of in place.
grub_writes() {
    [ -f "$root/boot/grub/grubenv" ] && [ ! -L "$root/boot/grub/grubenv" ] || return 1
    case $(stat -f -c %T "$root/boot/grub" 2>/dev/null) in
    ext2/ext3 | ext* | xfs | msdos | fat | vfat) ;;
    *) return 1 ;;
    esac
    case $(findmnt -n -o SOURCE -T "$root/boot/grub" 2>/dev/null) in
    /dev/mapper/* | /dev/md* | /dev/dm-* | '') return 1 ;;
    /dev/*) ;;
    *) return 1 ;;
    esac
}

# look_grub_devices: of where grub-pc installs its boot loader, as debconf(7) remembers it, what is gone. Where
# it never did that it doesn't try.
look_grub_devices() {
    [ -e "$root/boot/grub/i386-pc/core.img" ] || [ -e "$root/boot/grub/core.img" ] || return 0
    awk '/^Name: / { here = $2 == "grub-pc/install_devices" } here && sub(/^Value: /, "")' \
        "$root/var/cache/debconf/config.dat" | tr ',' '\n' | head -n 20 | while read -r device; do
        [ -n "$device" ] || continue
        [ -e "$root$device" ] || printf 'gone=%s\n' "$device"
    done
}

# look_grub: the section of the probe.
look_grub() {
    # What the menu does counts, not what /etc/default/grub would make of the next one.
    # shellcheck disable=SC2016 # GRUB's variable
    if grep -qF 'set default="${saved_entry}"' "$root/boot/grub/grub.cfg" &&
        ! grep -q '^[[:space:]]*savedefault$' "$root/boot/grub/grub.cfg"; then
        echo saved=yes
    else
        echo saved=no
    fi
    printf 'saved_entry=%s\n' "$(grub_saved saved_entry)"
    if grub_writes; then echo writes=yes; else echo writes=no; fi
    [ ! -e "$root/var/lib/hostshift/grub-default" ] || echo ours=yes
    grub_entries | sed 's/^/entry=/' | head -n 50
}
