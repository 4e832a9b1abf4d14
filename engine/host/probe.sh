# shellcheck shell=sh
# shellcheck disable=SC2329,SC2317 # "section" calls functions by their names
# shellcheck disable=SC2154 # $nonce is set by "prepare" in frames.sh
# shellcheck disable=SC3013 # test -ot: POSIX since 2024, dash and busybox long before
# Looks at this host and changes nothing. Sent on standard input, after frames.sh, to
# sh -s -- ROOT NONCE DEPTH
#
#   ROOT   what stands before every absolute path; empty on a real host
#   NONCE  marks the frames, so that no output can be taken for one
#   DEPTH  light: cheap, nothing is simulated; full: apt's simulations and needrestart too
#
# docs/probe.md lists the sections and why each command leaves no trace. POSIX sh, with coreutils or
# busybox; no here-documents (some shells put them into /tmp).

set -u

apt_time=25
short_time=8
apt_limit=2000000
short_limit=200000

look_host() {
    put root "$root"
    put uid "$(id -u)"
    put now "$(date +%s)"
    put boot_id "$(first "$root/proc/sys/kernel/random/boot_id")"
    put uptime "$(first "$root/proc/uptime")"
    put init "$(first "$root/proc/1/comm")"
    if [ -d "$root/run/systemd/system" ]; then put systemd yes; else put systemd no; fi
    if [ -e "$root/run/ostree-booted" ]; then put ostree yes; else put ostree no; fi
    for program in apt-get dpkg-query needrestart rpm-ostree bootc docker podman; do
        if has "$program"; then put "has" "$program"; fi
    done
}

look_os_release() {
    for file in "$root/etc/os-release" "$root/usr/lib/os-release"; do
        if [ -r "$file" ]; then
            cat "$file"
            return
        fi
    done
    printf 'there is no os-release\n' >&2
    return 1
}

look_virtualization() {
    if has systemd-detect-virt; then
        detected=$(within "$short_time" systemd-detect-virt 2>/dev/null)
        if [ -n "$detected" ]; then
            put detected "$detected"
            return 0
        fi
    fi
    put container "$(first "$root/run/systemd/container")"
    for file in /.dockerenv /run/.containerenv; do
        if [ -e "$root$file" ]; then put marker "$file"; fi
    done
    put vendor "$(first "$root/sys/class/dmi/id/sys_vendor")"
    put product "$(first "$root/sys/class/dmi/id/product_name")"
    put hypervisor "$(first "$root/sys/hypervisor/type")"
}

# Free space for root: stat -f prints path, blocks free, block size, inodes free, inodes in all.
look_filesystems() {
    set -- "$root/"
    for mount in /boot /boot/efi /usr /var /var/lib /var/lib/dpkg /var/cache /var/cache/apt \
        /var/log /var/lib/docker /var/lib/containers /tmp /var/tmp /opt /srv /home /sysroot; do
        while read -r _ point _; do
            if [ "$point" = "$mount" ]; then
                set -- "$@" "$root$mount"
                break
            fi
        done 2>/dev/null <"$root/proc/mounts"
    done
    within "$short_time" stat -f -c '%n %f %S %d %c' "$@"
}

# The mounts that updates write to, in the order in which they were mounted: the last one counts.
look_writable() {
    while read -r _ point _ options _; do
        case $point in
        / | /var | /var/lib | /var/lib/dpkg | /var/cache | /var/cache/apt)
            case ,$options, in
            *,ro,*) put ro "$point" ;;
            *) put rw "$point" ;;
            esac
            ;;
        esac
    done <"$root/proc/mounts"
}

# Whether sshd and sudo would take their configuration as it is now. Only on the real system: these
# programs know no other root. Without /run/sshd, which a stopped ssh.service takes away, sshd tests
# nothing.
look_access() {
    [ -z "$root" ] && [ "$(id -u)" = 0 ] || return 0
    if has sshd && [ -d /run/sshd ]; then look_test sshd -t; fi
    if has visudo; then look_test visudo -c; fi
}

look_test() {
    said=$(within "$short_time" "$@" 2>&1)
    put "$1" "$?"
    printf '%s\n' "$said" | head -n 20 | while read -r line; do put "$1-says" "$line"; done
}

look_kernel() {
    put release "$(uname -r)"
    put version "$(uname -v)"
    for image in "$root"/boot/vmlinu[xz]-*; do
        if [ -e "$image" ]; then put image "${image#"$root"/boot/vmlinu?-}"; fi
    done
    if [ -e "$root/run/reboot-required" ]; then
        put flag yes
        if [ -r "$root/run/reboot-required.pkgs" ]; then
            while read -r package || [ -n "$package" ]; do
                put package "$package"
            done <"$root/run/reboot-required.pkgs"
        fi
    fi
}

look_units() {
    within "$short_time" systemctl list-units --state=failed --all --plain --full --no-legend \
        --no-pager
}

look_updaters() {
    within "$short_time" systemctl show --no-pager \
        -p Id -p LoadState -p ActiveState -p UnitFileState \
        apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service \
        zincati.service rpm-ostreed-automatic.timer bootc-fetch-apply-updates.timer \
        update-engine.service locksmithd.service transactional-update.timer rebootmgr.service \
        dnf-automatic.timer dnf-automatic-install.timer uupd.timer snapd.service
}

look_periodic() {
    within "$short_time" apt-config dump APT::Periodic
}

# One pass over the process table with nothing but the shell.
scan_processes() {
    docker_runs=no kubernetes_seen='' conmons=''
    for comm in "$root"/proc/[0-9]*/comm; do
        name=''
        { read -r name <"$comm"; } 2>/dev/null
        case $name in
        dockerd) docker_runs=yes ;;
        conmon) conmons="$conmons ${comm%/comm}" ;;
        kubelet | kubelite | k3s* | rke2* | k0s) kubernetes_seen="$kubernetes_seen $name" ;;
        esac
    done
}

# Only a running dockerd is asked (its socket would start it), and podman never (it writes):
# conmon, the parent of each podman container, carries what is needed in its arguments.
look_containers() {
    put conmons "$(printf '%s' "$conmons" | wc -w | tr -d ' ')"
    for process in $conmons; do
        printf 'conmon '
        tr '\000\n' '\001 ' <"$process/cmdline"
        printf '\n'
    done 2>/dev/null
    put docker "$docker_runs"
    if [ "$docker_runs" = yes ]; then
        if [ -d "$root/run/systemd/system" ] && within "$short_time" systemctl show --no-pager \
            -p BindsTo -p Requires -p PartOf docker.service | grep -q 'containerd\.service'; then
            put docker_bound yes
        fi
        put live_restore "$(within "$short_time" docker info --format '{{.LiveRestoreEnabled}}')"
        ids=$(within "$short_time" docker ps --quiet --no-trunc) || return 1
        # shellcheck disable=SC2086 # identifiers, one word each
        [ -z "$ids" ] || within "$short_time" docker inspect --type container \
            --format 'container {{json .Name}} {{json .Config.Image}} {{json .HostConfig.RestartPolicy.Name}}' \
            $ids
    fi
}

look_kubernetes() {
    for name in $kubernetes_seen; do put process "$name"; done
    for file in /etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml \
        /var/lib/rancher/k3s/agent /var/lib/rancher/rke2/agent /var/lib/k0s/kubelet.conf \
        /var/snap/microk8s/current; do
        if [ -e "$root$file" ]; then put file "$file"; fi
    done
    put seen all
}

# The lock of a hostshift, and whether its job is alive. Run and step become part of paths and
# unit names only when they are made of harmless characters.
look_lock() {
    lock_file=$root/var/lib/hostshift/lock
    [ -e "$lock_file" ] || return 0
    head -c 8000 "$lock_file" || return 1
    printf '\n'
    lock_run=$(lock_word run) lock_step=$(lock_word step)
    [ -n "$lock_run" ] && [ -n "$lock_step" ] || return 0
    if [ -d "$root/run/systemd/system" ]; then
        put unit "$(within "$short_time" systemctl show --no-pager -p ActiveState \
            "hostshift-$lock_run-$lock_step.service")"
    fi
    job=$root/var/lib/hostshift/runs/$lock_run/$lock_step
    if [ -r "$job" ]; then
        put job readable
        if [ -r "$job/exit" ]; then put exit "$(first "$job/exit")"; fi
        job_pid=$(first "$job/pid")
        case $job_pid in
        '' | *[!0-9]*) ;;
        *)
            # A number is given again to another process: the start time must be the same too.
            started=$(sed 's/^.*) //' "/proc/$job_pid/stat" 2>/dev/null | cut -d ' ' -f 20)
            if [ -n "$started" ] && [ "$started" = "$(first "$job/pid_start")" ]; then
                put process alive
            else
                put process gone
            fi
            ;;
        esac
    fi
}

lock_word() {
    head -c 8000 "$lock_file" |
        sed -n "1s/.*\"$1\": *\"\\([A-Za-z0-9][A-Za-z0-9._-]*\\)\".*/\\1/p" | head -c 200
}

# Packages that are not simply installed or gone, kernels, and what tells how updates are done.
# "end N" says how dpkg-query ended: without it there is no answer.
look_dpkg() {
    {
        # shellcheck disable=SC2016 # dpkg-query's own fields
        within "$short_time" dpkg-query -W \
            -f '${db:Status-Abbrev}\t${Package}\t${Architecture}\t${Version}\n'
        printf 'end %s\n' "$?"
    } | grep -E -v '^(ii |rc |un )	'
}

look_dpkg_kernels() {
    # shellcheck disable=SC2016 # dpkg-query's own fields
    within "$short_time" dpkg-query -W \
        -f '${db:Status-Abbrev}\t${Package}\t${Architecture}\t${Version}\n' \
        'linux-image-[0-9]*' 'linux-image-unsigned-[0-9]*' 'proxmox-kernel-[0-9]*' \
        'pve-kernel-[0-9]*' raspberrypi-kernel unattended-upgrades update-notifier-common \
        needrestart 2>/dev/null
    return 0
}

look_sources() {
    # shellcheck disable=SC2016 # dpkg-query's own fields
    within "$short_time" dpkg-query -W -f '${Package}\t${Architecture}\t${source:Package}\n'
}

# Names of all digits in dpkg's journal mean that it was interrupted (dpkg's source, dbmodify.c).
look_dpkg_journal() {
    if [ ! -d "$root/var/lib/dpkg/updates" ]; then
        printf 'there is no %s\n' /var/lib/dpkg/updates >&2
        return 1
    fi
    for file in "$root"/var/lib/dpkg/updates/*; do
        [ -e "$file" ] && put entry "${file##*/}"
    done
    put seen all
}

# Who holds dpkg's locks: record locks (fcntl) as /proc/locks tells them, never by trying one.
look_dpkg_lock() {
    for name in lock-frontend lock; do
        file=$root/var/lib/dpkg/$name
        [ -e "$file" ] || continue
        inode=$(stat -c %i "$file") || return 1
        while read -r _ kind _ mode pid where _; do
            case "$kind $mode $where" in
            "POSIX WRITE "*:"$inode")
                printf 'held %s %s %s\n' "$name" "$pid" "$(first "$root/proc/$pid/comm")"
                printf 'runs %s %s\n' "$pid" "$(age_of "$pid")"
                ;;
            esac
        done <"$root/proc/locks" || return 1
    done
    put seen all
}

# age_of PID: for how many seconds it has run (proc(5): the 22nd field of stat, in clock ticks; the
# second may hold anything).
age_of() {
    [ -r "$root/proc/$1/stat" ] && [ -r "$root/proc/uptime" ] || return 0
    ticks=$(getconf CLK_TCK 2>/dev/null) || ticks=100
    awk -v ticks="$ticks" '
        FNR == NR { up = $1; next }
        { sub(/.*\) /, ""); printf "%d", up - $20 / ticks; exit }
    ' "$root/proc/uptime" "$root/proc/$1/stat" 2>/dev/null
}

# Configuration files that aren't as dpkg recorded them, with their packages, also those that removed
# packages left: a new version makes dpkg ask about these, if it changes them too. An entry with a
# word after its checksum (obsolete, remove-on-upgrade, newconffile) is never asked about.
look_conffiles() {
    debs_left=10
    # shellcheck disable=SC2016 # dpkg-query's own fields
    recorded=$(within "$short_time" dpkg-query -W -f '=${Package}\n${Conffiles}\n') || return
    cd "$root/" || return
    # Descriptor 8: what runs in the background (see "watched") has no standard input.
    differing=$(printf '%s\n' "$recorded" |
        sed -n 's/^ \(\/.*\) \([0-9a-f]\{32\}\)$/\2  .\1/p' |
        { within "$short_time" sh -c 'exec md5sum -c - <&8' 8<&0 && echo end 0 || echo "end $?"; } \
            2>/dev/null |
        sed -n -e 's/^\\\(.*\)/\1/;t quoted' -e 'b plain' -e ':quoted' -e 's/\\\\/\\/g' -e ':plain' \
            -e '/^end [0-9]*$/p' -e 's/: FAILED\( open or read\)\{0,1\}$//p')
    case $differing in
    "end 0" | "end 1" | *"${newline}end 0" | *"${newline}end 1") ;;
    *) return "${differing##*end }" ;;
    esac
    printf '%s\n=\n%s\n' "${differing%end *}" "$recorded" |
        awk '/^=$/ { owners = 1; next }
            !owners { differs[$0] = 1; next }
            /^=/ { package = substr($0, 2); next }
            match($0, / [0-9a-f]+$/) && RLENGTH == 33 {
                path = substr($0, 2, RSTART - 2)
                if ("." path in differs) print substr($0, RSTART + 1) "|" package "|" path
            }' |
        while IFS='|' read -r sum package path; do
            state=$(conffile_state "$path")
            put "$state" "$package|$path"
            case $state in
            changed | missing) look_downloaded "$sum" "$package" "$path" ;;
            esac
        done
    put seen all
}

# look_downloaded SUM PACKAGE PATH: versions that apt has fetched already and that ask nothing, because
# their file is as recorded, or as it is here, or they have none. To unpack costs 0.1 s for each MB: there
# is a bound.
look_downloaded() {
    nothing=$(echo failed | md5sum)
    nothing=${nothing%% *}
    for deb in "./var/cache/apt/archives/$2_"*.deb; do
        [ "$debs_left" -gt 0 ] && [ -r "$deb" ] || continue
        [ "$(stat -c %s "$deb")" -le 20000000 ] || continue
        debs_left=$((debs_left - 1))
        # What isn't whole has another sum.
        # shellcheck disable=SC2016 # the inner shell's own arguments
        new=$(within "$short_time" sh -c \
            'dpkg-deb --fsys-tarfile "$1" | { tar -xOf - ".$2" || echo failed; } | md5sum' \
            sh "$deb" "$3" 2>/dev/null)
        here=''
        if [ -e ".$3" ]; then here=$(md5sum <".$3"); fi
        version=${deb##*/}
        version=${version#*_}
        case ${new%% *} in
        '') ;;
        "$1" | "${here%% *}") put same "$2|${version%_*}|$3" ;;
        "$nothing") ! no_conffile "$deb" "$3" || put same "$2|${version%_*}|$3" ;;
        esac
    done
}

# no_conffile DEB PATH: of a version that has such files, and not this one, dpkg leaves it as it is.
no_conffile() {
    # shellcheck disable=SC2016 # the inner shell's own arguments
    within "$short_time" sh -c 'dpkg-deb --ctrl-tarfile "$1" | tar -xOf - ./conffiles' sh "$1" 2>/dev/null |
        path="$2" awk '{ sub(/^remove-on-upgrade /, ""); seen = 1 } $0 == ENVIRON["path"] { found = 1 }
            END { exit !seen || found }'
}

# conffile_state PATH: why it isn't as recorded. Where no folder can be searched it may well be there.
conffile_state() {
    if [ -e ".$1" ]; then
        if [ ! -f ".$1" ]; then
            printf special
        elif [ -r ".$1" ]; then
            printf changed
        else
            printf unreadable
        fi
        return
    fi
    folder=.${1%/*}
    while [ ! -d "$folder" ] && [ "$folder" != . ]; do folder=${folder%/*}; done
    if [ -x "$folder" ]; then printf missing; else printf unreadable; fi
}

look_running_services() {
    within "$short_time" systemctl list-units --type=service --state=running --plain --full \
        --no-legend --no-pager
}

# Which packages own unit files and init scripts: from dpkg's file lists, as dpkg -S, but in 0.02 s.
look_unit_files() {
    cd "$root/var/lib/dpkg/info" || return
    within "$short_time" grep -H -E \
        '^(/usr)?/lib/systemd/system/[^/]+\.service$|^/etc/init\.d/[^/]+$' ./*.list
}

# What maintainer scripts do to services when their package changes, for packages that have any: lines
# that call for it, but those within `if [ "$1" = remove ]`, and the files of functions that they read.
look_service_acts() {
    cd "$root/var/lib/dpkg/info" || return
    lists=$(within "$short_time" grep -l -E '^(/usr)?/lib/systemd/system/[^/]+\.service$|^/etc/init\.d/[^/]+$|^/usr/lib/postgresql/[^/]+/bin/postgres$' \
        ./*.list) || [ "$?" = 1 ] || return 1
    set --
    for list in $lists; do
        for kind in preinst prerm postrm postinst; do
            script=${list%.list}.$kind
            if [ -r "$script" ]; then set -- "$@" "$script"; elif [ -e "$script" ]; then return 1; fi
        done
    done
    # shellcheck disable=SC2016 # awk's own fields
    [ $# = 0 ] || within "$short_time" awk '
        function removes(text) {
            return text ~ /\$1"? *= *"?remove/ && text !~ /\|\| *(\[|test )/ && text !~ /upgrade/
        }
        FNR == 1 {
            depth = 0
            package = FILENAME
            gsub(/^\.\/|(:[a-z0-9]+)?\.[a-z]+$/, "", package)
        }
        { sub(/^[ \t]+/, "") }
        /^#/ { next }
        /^if[ \t]/ && !/;[ \t]*fi[ \t]*$/ { within_remove[++depth] = removes($0) }
        /^(elif|else)/ { within_remove[depth] = 0 }
        /^fi([ \t;]|$)/ { if (depth) depth-- ; next }
        {
            for (i = 1; i <= depth; i++) if (within_remove[i]) next
            if (removes($0)) next
        }
        /deb-systemd-invoke|invoke-rc\.d|systemctl|\/etc\/init\.d\/|(^|[ \t;&|])(service|kill|pkill|killall|start-stop-daemon)[ \t]/ ||
        (/^(\.|source)[ \t]/ && !/confmodule/) { printf "%s|%s\n", package, substr($0, 1, 400) }
    ' "$@" || return 1
    put seen all
}

# Times of what an update of the lists touches, newest fetched list last.
look_lists() {
    lists=$root/var/lib/apt/lists
    if [ ! -d "$lists" ]; then
        printf 'there is no %s\n' /var/lib/apt/lists >&2
        return 1
    fi
    for file in "$lists"/*Release "$lists"/*Packages*; do
        if [ -e "$file" ]; then
            put any "${file##*/}"
            break
        fi
    done
    for file in "$lists" "$lists/partial" "$root/var/lib/apt/periodic/update-success-stamp" \
        "$root/var/lib/apt/periodic/update-stamp" "$root/var/cache/apt/pkgcache.bin"; do
        if [ -e "$file" ]; then stat -c 'time %Y %n' "$file"; fi
    done
    for file in "$lists"/*Release; do
        if [ -e "$file" ]; then stat -c 'release %Z %n' "$file"; fi
    done
}

# The lists that the configured sources want, and whether they are here: sources that were changed
# and not fetched since have none, and apt says "0 upgraded" without a word of it. Asked without any
# list (below /proc/self/fd, where no file can be made) apt builds no cache: 0.02 s instead of 0.4.
look_targets() {
    # shellcheck disable=SC2016 # apt's own fields
    targets=$(apt_quiet apt-get indextargets --no-release-info -o Dir::Cache::pkgcache= \
        -o Dir::State::lists=/proc/self/fd/ -o Dir::State::status=/dev/null \
        --format '$(ARCHITECTURE)|$(METAKEY)|$(FILENAME)|$(RELEASE)|$(COMPONENT)|$(ARCHITECTURE)|$(SITE)' \
        'Created-By: Packages') || return 1
    lists=$root/var/lib/apt/lists
    printf '%s\n' "$targets" |
        while IFS='|' read -r arch key file where; do
            if [ -n "$key" ]; then look_target "$arch" "$key" "${file##*/}" "$where"; fi
        done
    put seen all
}

# look_target ARCHITECTURE METAKEY FILE WORDS: one list; the words are given on.
look_target() {
    # A "_" in the name stands for a "/" (apt's URItoFileName quotes others): without as many parts
    # as METAKEY has the rest is what the Release file's name begins with.
    base=$3 parts=$2/ state=missing release=''
    while [ -n "$parts" ]; do base=${base%_*} parts=${parts#*/}; done
    for file in "$lists/$3" "$lists/$3".*; do
        case $file in
        *.diff*) ;;
        *) if [ -e "$file" ]; then state=here; fi ;;
        esac
    done
    for file in "$lists/${base}_InRelease" "$lists/${base}_Release"; do
        if [ -e "$file" ]; then release=$file; fi
    done
    # Most archives have no list of "all" of its own.
    if [ "$state $1" = 'missing all' ]; then state=optional; fi
    if [ "$state" = missing ] && [ -n "$release" ]; then
        # apt passes over what the archive doesn't have, and needs no file for an empty list.
        if grep -q -F " 0 $2" "$release" || ! grep -q -F " $2" "$release"; then
            state=empty
        fi
    fi
    put target "$state|$base|$4"
}

# What decides a full look: size, inode and time of each file; sorted by name by the shell.
look_fingerprint() {
    set --
    for file in "$root"/var/lib/dpkg/status "$root"/var/lib/dpkg/arch \
        "$root"/var/lib/apt/extended_states "$root"/var/lib/apt/lists/*_* "$root"/etc/machine-id \
        "$root"/etc/apt/* "$root"/etc/apt/*.d/* "$root"/etc/dpkg/dpkg.cfg \
        "$root"/etc/dpkg/dpkg.cfg.d/* "$root"/etc/ssh/* "$root"/etc/ssh/*.d/* \
        "$root"/etc/sudoers "$root"/etc/sudoers.d/*; do
        if [ -f "$file" ]; then set -- "$@" "$file"; fi
    done
    if [ $# -gt 0 ]; then within "$short_time" stat -L -c '%s %i %Y %n' "$@"; fi
}

# apt without a lock, without colour, and without a file of its own written. As root it would
# rebuild a stale /var/cache/apt/pkgcache.bin and write /var/log/apt/eipp.log.xz even with -s. Its
# cache is worth reading where it is fresh (0.15 s against 0.5 s): it is given by a descriptor
# opened for reading, below /proc/self/fd, where no file can be made. Show-Versions, which people
# set in apt.conf, would put versions among the names of what is kept back.
apt_quiet() {
    apt_program=$1
    shift
    within "$apt_time" "$apt_program" -q -o Debug::NoLocking=1 \
        -o Dir::Cache::pkgcache="$apt_cache" -o Dir::Cache::srcpkgcache= \
        -o Dir::Log::Planner= -o Dir::Log::Solver= -o APT::Color=0 \
        -o APT::Output-Version=0 -o APT::Get::Show-Versions=0 \
        -o Apt::Cmd::Disable-Script-Warning=1 "$@"
}

# Where the cache looks fresh: apt's own test of it comes first, and decides by its exit status.
open_apt_cache() {
    apt_cache=''
    apt_cache_file=$root/var/cache/apt/pkgcache.bin
    if [ -r "$apt_cache_file" ] && [ -z "$root" ] && [ -d /proc/self/fd ] &&
        [ ! "$apt_cache_file" -ot /var/lib/dpkg/status ] &&
        [ ! "$apt_cache_file" -ot /var/lib/apt/lists ] && exec 9<"$apt_cache_file"; then
        apt_cache=/proc/self/fd/9
        apt_quiet apt-cache policy nothing >/dev/null 2>&1 || apt_cache=
    fi
}

# What apt has fetched and kept, in bytes.
look_archives() {
    set -- "$root"/var/cache/apt/archives/*.deb
    if [ -e "$1" ]; then
        stat -c %s "$@" | awk '{ sum += $1 } END { printf "bytes=%.0f\n", sum }'
    else
        put bytes 0
    fi
}

# What the kernel that runs takes in /boot, with its initramfs: a new one takes about as much.
look_boot() {
    set -- "$root"/boot/*-"$(uname -r)"
    if [ -e "$1" ]; then
        stat -L -c %s "$@" | awk '{ sum += $1 } END { printf "bytes=%.0f\n", sum }'
    fi
}

look_upgradable() { apt_quiet apt list --upgradable; }
look_upgrade() { apt_quiet apt-get -s --with-new-pkgs upgrade; }
look_dist_upgrade() { apt_quiet apt-get -s dist-upgrade; }
look_upgrade_phased() {
    apt_quiet apt-get -s -o APT::Get::Always-Include-Phased-Updates=true --with-new-pkgs upgrade
}
# What finishing what is half done would do; asked only where dpkg says that something is.
look_fix_broken() {
    grep -q -E '^Status: .* (half-installed|unpacked|half-configured|triggers-awaited)$' \
        "$root/var/lib/dpkg/status" || return 0
    apt_quiet apt-get -s -f install
}
look_upgrade_size() { apt_quiet apt-get --print-uris --with-new-pkgs upgrade; }
look_dist_upgrade_size() { apt_quiet apt-get --print-uris dist-upgrade; }

# What the versions of `upgrade` need, for parts of it: the records of all that it would change.
look_records() {
    set -f
    # shellcheck disable=SC2046 # NAME=VERSION, one word each
    set -- $(look_upgrade 2>/dev/null |
        sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\{0,1\}(\([^ )]*\).*$/\1=\3/p')
    [ $# -gt 0 ] || return 0
    apt_quiet apt-cache show "$@" | grep -E \
        '^(Package|Version|Architecture|Source|Pre-Depends|Depends|Recommends|Breaks|Conflicts|Provides|Size): '
}

look_automatic() {
    if [ -e "$root/var/lib/apt/extended_states" ]; then
        sed -n -E '/^(Package|Architecture|Auto-Installed): /p' "$root/var/lib/apt/extended_states"
    fi
}

# Only libraries (-l): the kernel check unpacks kernel images into a temporary file.
look_needrestart() { within "$apt_time" needrestart -b -l; }

look_rpm_ostree() { within "$apt_time" rpm-ostree status --json; }

apt_sections() {
    open_apt_cache
    section periodic "$short_limit" look_periodic
    section dpkg "$apt_limit" look_dpkg
    section dpkg-kernels "$short_limit" look_dpkg_kernels
    section dpkg-journal "$short_limit" look_dpkg_journal
    section dpkg-lock "$short_limit" look_dpkg_lock
    section lists "$short_limit" look_lists
    section targets "$short_limit" look_targets
    section fingerprint "$short_limit" look_fingerprint
    section upgradable "$apt_limit" look_upgradable
    [ "$depth" = full ] || return 0
    section upgrade "$apt_limit" look_upgrade
    section dist-upgrade "$apt_limit" look_dist_upgrade
    section fix-broken "$apt_limit" look_fix_broken
    section upgrade-size "$apt_limit" look_upgrade_size
    section dist-upgrade-size "$apt_limit" look_dist_upgrade_size
    section sources "$apt_limit" look_sources
    section archives "$short_limit" look_archives
    section boot "$short_limit" look_boot
    section conffiles "$short_limit" look_conffiles
    if [ -d "$root/run/systemd/system" ] && has systemctl; then
        section running-services "$short_limit" look_running_services
        section unit-files "$apt_limit" look_unit_files
        section service-acts "$apt_limit" look_service_acts
    fi
    section records "$apt_limit" look_records
    section automatic "$apt_limit" look_automatic
    if phases; then section upgrade-phased "$apt_limit" look_upgrade_phased; fi
}

# What successor.sh notes while a successor is being built.
look_successor() {
    head -n 3 "$root/var/lib/hostshift/successor" | head -c 2000
}

# What snapshots.sh notes before one is taken.
look_snapshots() {
    tail -n 50 "$root/var/lib/hostshift/snapshots" | head -c 8000
}

# What do-release-upgrade goes by. Its own check would write below /var/lib: what it wrote there last is
# read, a file for each kind of upgrade (MetaRelease.py in update-manager).
look_release_upgrader() {
    prompt=$(sed -n 's/^[[:space:]]*[Pp][Rr][Oo][Mm][Pp][Tt][[:space:]]*=[[:space:]]*//p' \
        "$root/etc/update-manager/release-upgrades" 2>/dev/null | tail -n 1)
    put prompt "$prompt"
    file=$root/var/lib/update-manager/meta-release
    case $prompt in
    [Ll][Tt][Ss]*) file=$file-lts ;;
    esac
    if [ -r "$file" ]; then
        sed -n -e 's/^Dist: */dist=/p' -e 's/^Version: */version=/p' \
            -e 's/^Supported: */supported=/p' -e 's/^UpgradeBroken: */broken=/p' "$file"
    fi
    put seen all
}

# Only Ubuntu holds updates back by phases; elsewhere an archive that does says so in its lists.
phases() {
    case " $(first "$root/etc/os-release") $(grep -s -E '^ID(_LIKE)?=' "$root/etc/os-release")" in
    *[Uu]buntu*) return 0 ;;
    esac
    within "$short_time" grep -q -s '^Phased-Update-Percentage:' "$root"/var/lib/apt/lists/*_Packages
}

main() {
    root=$1 depth=$3
    prepare "$1" "$2"
    scan_processes

    printf '%s probe 1 %s\n' "$nonce" "$depth"
    section host "$short_limit" look_host
    section os-release "$short_limit" look_os_release
    section virtualization "$short_limit" look_virtualization
    section filesystems "$short_limit" look_filesystems
    if [ -r "$root/proc/mounts" ]; then section writable "$short_limit" look_writable; fi
    section kernel "$short_limit" look_kernel
    if [ -d "$root/run/systemd/system" ] && has systemctl; then
        section units "$short_limit" look_units
        section updaters "$short_limit" look_updaters
    fi
    section containers "$short_limit" look_containers
    section kubernetes "$short_limit" look_kubernetes
    section lock "$short_limit" look_lock
    if [ -r "$root/var/lib/hostshift/successor" ]; then
        section successor "$short_limit" look_successor
    fi
    if [ -r "$root/var/lib/hostshift/snapshots" ]; then
        section snapshots "$short_limit" look_snapshots
    fi
    if [ -e "$root/run/ostree-booted" ] && has rpm-ostree; then
        section rpm-ostree "$apt_limit" look_rpm_ostree
    fi
    if has apt-get && has dpkg-query; then apt_sections; fi
    if [ "$depth" = full ] && has do-release-upgrade; then
        section release-upgrader "$short_limit" look_release_upgrader
    fi
    if [ "$depth" = full ] && [ -r "$root/boot/grub/grub.cfg" ]; then
        section grub "$short_limit" look_grub
    fi
    if [ "$depth" = full ] && [ -e "$root/var/lib/dpkg/info/grub-pc.list" ]; then
        section grub-devices "$short_limit" look_grub_devices
    fi
    if [ "$depth" = full ]; then section access "$short_limit" look_access; fi
    if [ "$depth" = full ] && has needrestart; then
        section needrestart "$apt_limit" look_needrestart
    fi
    printf '\n%s done\n' "$nonce"
}

main "$@"
exit 0
