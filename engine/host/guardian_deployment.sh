# shellcheck shell=sh disable=SC2154 # armed, dir, root and deadline are guardian.sh's
# guardian_deployment.sh: a guard around the reboot of an image-based host into another deployment.
# A part of guardian.sh, which goes after it; it only defines functions.

# "* OS CHECKSUM.SERIAL" of the booted one, "  OS CHECKSUM.SERIAL" of others, in boot order. What
# follows a deployment's line is indented by four (ostree, ot-admin-builtin-status.c); one whose
# finalization is locked boots only when somebody unlocks it.
deployments() {
    has ostree || return 1
    within 20 ostree admin status |
        sed -n '/finalization locked/d; s/^\([* ] [^ ][^ ]* [0-9a-f]*\.[0-9]*\).*/\1/p'
}

booted_deployment() {
    deployments | sed -n 's/^\* //p'
}

next_deployment() {
    deployments | sed -n '1s/^. //p'
}

# What the guard would go back to, while nothing has changed yet.
note_deployment() {
    booted_deployment >"$armed/deployment"
    [ -s "$armed/deployment" ] || {
        echo "ostree admin status does not say which deployment is booted" >&2
        return 1
    }
}

is_former() {
    [ "$(booted_deployment)" = "$(cat "$armed/deployment")" ]
}

# Until the reboot nothing is counted, as nothing was done: the run may wait at a gate for days.
# Then its lock says "claim"; else what the lock says changes with every word of its controller,
# until the word to reboot is given, which leaves "begun" in a step's directory.
has_begun() {
    for begun in "${dir%/*}"/*/begun; do
        [ ! -d "$begun" ] || return 0
    done
    return 1
}

wait_for_reboot() {
    ours='{"run":"'$(basename "${dir%/*}")'",' said='' since=$(uptime_s)
    while same_boot && [ ! -e "$dir/verdict" ]; do
        lock=$(cat "${dir%/runs/*}/lock" 2>/dev/null) gone=no now=$(uptime_s)
        case $lock in
        "$ours"*'"claim":true'*) since=$now ;;
        "$ours"*) [ "$lock" = "$said" ] && ! has_begun || since=$now ;;
        *) gone=yes ;;
        esac
        said=$lock
        if [ "$gone" = yes ] || [ $((now - since)) -ge "$deadline" ]; then
            decide withdrawn && say 'the host was not rebooted, and nobody is there who would do it'
            return
        fi
        sleep 2
    done
}

# Going back twice would undo it (rpm-ostree, bootc). A deployment that was staged since stands in
# rpm-ostree's way; bootc drops it.
make_former_next() {
    for try in 1 2; do
        [ "$(next_deployment)" != "$1" ] || return 0
        if has rpm-ostree; then
            [ "$try" = 1 ] || within 300 rpm-ostree cleanup -p
            within 600 rpm-ostree rollback
        elif has bootc; then
            within 600 bootc rollback
        fi
    done
    [ "$(next_deployment)" = "$1" ]
}

# The reboot ends this process; the next boot's goes on here, and finds the former deployment, or
# never tries again. Below another ROOT there must never be a way to this machine's own reboot.
deployment_back() {
    if ! is_former; then
        boot=$(boot_id)
        if [ "$(cat "$dir/rebooted" 2>/dev/null || echo "$boot")" != "$boot" ]; then
            say 'the host was rebooted, but not into its former deployment'
            return
        fi
        if ! make_former_next "$(cat "$armed/deployment")"; then
            say "could not make the former deployment boot next; $(next_deployment) does"
            return
        fi
        echo "$boot" >"$dir/rebooted"
        sync
        say 'reboots into the former deployment'
        if [ -z "$root" ]; then
            within 60 systemctl --no-block reboot
        else
            within 60 "$root/sbin/reboot"
        fi
        since=$(uptime_s)
        while [ "$(boot_id)" = "$boot" ]; do
            if [ $(($(uptime_s) - since)) -ge 600 ]; then
                say 'the reboot has not come within ten minutes'
                return
            fi
            sleep 1
        done
    fi
    wait_for_start
    ! is_former || say 'the former deployment runs'
}
