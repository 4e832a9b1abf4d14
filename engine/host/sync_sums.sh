#!/bin/sh
# sync_sums.sh: what both sides of a sync say of a volume's small files (docs/sync.md); it stands
# before sync_gate.sh and sync_pass.sh.
#
#   sums KIB    of each file below the present directory, on its file system, that is smaller than so
#               many KiB: its SHA-256 sum and its path, with a NUL at the end, in the paths' order

sums() {
    find . -xdev -type f -size "-$(($1 * 1024))c" -print0 | sort -z | xargs -0 -r sha256sum -z --
}
