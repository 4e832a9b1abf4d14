#!/bin/sh
# image_host.sh: a lab host plays an image-based one. By the name it is called by it is a double of
# ostree(1), of rpm-ostree(1), or lab-boot, which a unit runs at start-up. There are two deployments;
# with the newer one sshd doesn't start. /var/lib/lab-image says where the host stands:
#   former   the former is booted     staged   and the newer one is staged
#   newer    the newer one is booted  back     and the former boots next
set -eu
file=/var/lib/lab-image
state=$(cat "$file")
former=$(printf '%064d' 1) newer=$(printf '%064d' 2)

deployment() { # CHECKSUM BOOTED STAGED
    printf '{"osname":"lab","checksum":"%s","serial":0,"version":"%s","booted":%s,"staged":%s}' \
        "$1" "$((${1#"${1%?}"}))" "$2" "$3"
}

case ${0##*/} in
lab-boot)
    case $state in
    staged) state=newer ;;
    back) state=former ;;
    esac
    echo "$state" >"$file"
    : >/run/ostree-booted
    rm -f /etc/ssh/sshd_config.d/image.conf
    if [ "$state" = newer ]; then echo 'PermitRootLogin perhaps' >/etc/ssh/sshd_config.d/image.conf; fi
    ;;
ostree)
    [ "$*" = 'admin status' ]
    case $state in
    former) printf '* lab %s.0\n    Version: 1\n  lab %s.0 (rollback)\n' "$former" "$newer" ;;
    staged) printf '  lab %s.0 (staged)\n    Version: 2\n* lab %s.0\n' "$newer" "$former" ;;
    newer) printf '* lab %s.0\n    Version: 2\n  lab %s.0 (rollback)\n' "$newer" "$former" ;;
    back) printf '  lab %s.0 (pending)\n    Version: 1\n* lab %s.0\n' "$former" "$newer" ;;
    esac
    ;;
rpm-ostree)
    case "$*" in
    'status --json')
        case $state in
        former) list=$(deployment "$former" true false),$(deployment "$newer" false false) ;;
        staged) list=$(deployment "$newer" false true),$(deployment "$former" true false) ;;
        newer) list=$(deployment "$newer" true false),$(deployment "$former" false false) ;;
        back) list=$(deployment "$former" false false),$(deployment "$newer" true false) ;;
        esac
        echo "{\"deployments\":[$list],\"transaction\":null}"
        ;;
    rollback)
        case $state in
        newer) echo back >"$file" ;;
        back) echo newer >"$file" ;;
        *) exit 1 ;;
        esac
        ;;
    *) exit 1 ;;
    esac
    ;;
esac
