#!/bin/sh
# shop WORD   the shop's database: whether clients may use it. Superusers always may, for dumps.
#   wait       until PostgreSQL answers
#   open       let clients in                    close       and out, also those within
#   freeze     close it, also beyond a reboot    thaw        the way back
#   is-frozen  exit 0: it is                     is-open     exit 0: clients may write
#   digest     number and hash of all rows
set -eu
cd /
# the client's and the server's side of a statement that ends
PGOPTIONS='-c timezone=UTC -c statement_timeout=60s'
export PGOPTIONS

ask() { runuser -u postgres --preserve-environment -- psql -X -A -t -q -v ON_ERROR_STOP=1 "$@"; }

# until N COMMAND   try a command every tenth of a second, N times
until_true() {
  left=$1
  shift
  while ! "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.1
  done
}

answers() { [ "$(ask -c 'select 1' 2>/dev/null)" = 1 ]; }

limit() { ask -c "select datconnlimit from pg_database where datname = 'shop'"; }

nobody_within() {
  left_within=$(ask -c "select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = 'shop' and usename = 'shop'")
  [ "$left_within" = 0 ]
}

close() {
  ask -c 'alter database shop connection limit 0'
  until_true 100 nobody_within
}

case $1 in
  wait) until_true 300 answers ;;
  open)
    until_true 300 answers
    ask -c 'alter database shop connection limit -1'
    ;;
  close) close ;;
  freeze)
    : >/etc/shop.frozen
    sync /etc/shop.frozen
    systemctl stop shop.service
    close
    ;;
  thaw)
    rm -f /etc/shop.frozen
    systemctl restart shop.service
    ;;
  is-frozen) [ -e /etc/shop.frozen ] && [ "$(limit)" = 0 ] && nobody_within ;;
  is-open) [ "$(limit)" = -1 ] ;;
  digest)
    ask -d shop -c "select count(*), md5(coalesce(string_agg(format('%s %s %s', id, at, taken_by),
      ',' order by id), '')) from orders"
    ;;
  *) exit 2 ;;
esac
