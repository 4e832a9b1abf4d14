#!/bin/sh
# settled.sh ROOT: has a new server come up? Ends with 0 when nothing of its first boot goes on, else
# with 1 and says what it waits for. Changes nothing.
set -u
LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# cloud-init(1): `status` says "running" while its stages go on; "error" and "degraded" are ends, too.
if command -v cloud-init >/dev/null 2>&1; then
    case $(timeout 20 cloud-init status 2>/dev/null </dev/null) in
    *'status: running'* | *'status: not started'* | *'status: not run'*)
        echo "cloud-init is at work"
        exit 1
        ;;
    *'status: error'*) echo "cloud-init has ended with an error: cloud-init status --long" ;;
    esac
fi
# systemctl(1), is-system-running: units that are still to be started count, failed ones don't.
if command -v systemctl >/dev/null 2>&1 && [ -z "$1" ]; then
    case $(timeout 20 systemctl is-system-running 2>/dev/null </dev/null) in
    initializing | starting)
        echo "it is starting"
        exit 1
        ;;
    esac
fi
exit 0
