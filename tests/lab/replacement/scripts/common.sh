# shellcheck shell=sh disable=SC2034 # sourced by the scripts beside it, in the inventory's directory
# LAB_KEY, LAB_KNOWN_HOSTS, LAB_PYTHON and LAB_CLOUD come from world.env.
set -eu
# shellcheck disable=SC1091 # written by the test
. ./world.env

# feed ADDRESS COMMAND   run a command on a host as root, with this script's input
feed() {
  address=$1
  shift
  ssh -F none -i "$LAB_KEY" -o BatchMode=yes -o IdentitiesOnly=yes -o LogLevel=ERROR \
    -o UserKnownHostsFile="$LAB_KNOWN_HOSTS" -o GlobalKnownHostsFile=/dev/null \
    -o KexAlgorithms=curve25519-sha256 -o ConnectTimeout=5 -o ServerAliveInterval=2 \
    -o ServerAliveCountMax=3 "root@$address" "$@"
}

# on ADDRESS COMMAND   likewise, without input
on() { feed "$@" </dev/null; }

PG_DUMP='cd / && runuser -u postgres -- pg_dump --format=custom shop'
# in one transaction: what is cut off on its way changes nothing
PG_RESTORE='systemctl start postgresql.service && cd / && runuser -u postgres -- pg_restore --clean
  --if-exists --single-transaction --exit-on-error --no-owner --role=shop --dbname=shop'
PG_RESTORE=$(printf %s "$PG_RESTORE" | tr '\n' ' ')
mkdir -p backups work
