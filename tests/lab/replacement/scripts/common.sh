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

# As text, which an older release than the one that wrote it can read, too, but for one setting that it
# doesn't know: services may also go back to the server that they came from. Its last line makes it
# count: what is cut off on its way changes nothing.
PG_DUMP='cd / && echo "BEGIN; SET ROLE shop;" && runuser -u postgres -- pg_dump --format=plain
  --clean --if-exists --no-owner shop && echo "COMMIT;"'
PG_RESTORE='systemctl start postgresql.service && cd / && sed "/^SET transaction_timeout /d" |
  runuser -u postgres -- psql -X -q --output=/dev/null --set=ON_ERROR_STOP=1 --dbname=shop'
PG_DUMP=$(printf %s "$PG_DUMP" | tr '\n' ' ')
PG_RESTORE=$(printf %s "$PG_RESTORE" | tr '\n' ' ')
mkdir -p backups work
