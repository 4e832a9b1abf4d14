#!/bin/sh
# install.sh SERVICE   on a host: install a service and start it. Safe to run again.
set -eu
cd "$(dirname "$0")"
# shellcheck disable=SC1091
. /etc/os-release

# put FILE PLACE   true when it was not there like this
put() {
  ! cmp -s "$1" "$2" || return 1
  install -D -m 644 "$1" "$2"
}

# at_boot UNIT   start it at each boot; systemctl alone takes a second for units of old init scripts
at_boot() { systemctl is-enabled --quiet "$1" || systemctl enable --quiet "$1"; }

as_postgres() { (cd / && exec runuser -u postgres -- "$@"); }
ask() { as_postgres psql -X -A -t -q -v ON_ERROR_STOP=1; }

case $1 in
  files)
    # another uid on each release, as accounts of systems have it
    id files >/dev/null 2>&1 ||
      useradd --system --uid "9$VERSION_ID" --home-dir /srv/files --shell /usr/sbin/nologin files
    install -d -o files -g files /srv/files /srv/files/requests
    install -m 755 files.py /usr/local/sbin/files-server
    put files.service /etc/systemd/system/files.service || true
    put files.timer /etc/systemd/system/files.timer || true
    put files-queue.service /etc/systemd/system/files-queue.service || true
    systemctl daemon-reload
    at_boot files.service
    at_boot files.timer
    at_boot files-queue.service
    systemctl start files.service files.timer files-queue.service
    ;;
  shop)
    version=$(cd /usr/lib/postgresql && echo *)
    changed=
    [ -e "/etc/postgresql/$version/main" ] ||
      pg_createcluster "$version" main -- --no-sync --locale=C.UTF-8 --encoding=UTF8 >/dev/null
    ! put postgresql.conf "/etc/postgresql/$version/main/conf.d/lab.conf" || changed=1
    hba=/etc/postgresql/$version/main/pg_hba.conf
    grep -q '^host shop ' "$hba" || {
      echo 'host shop shop samenet scram-sha-256' >>"$hba"
      changed=1
    }
    install -m 755 shop.sh /usr/local/sbin/shop
    put shop.service /etc/systemd/system/shop.service || true
    systemctl daemon-reload
    at_boot postgresql.service
    [ -z "$changed" ] || systemctl stop postgresql.service
    systemctl start postgresql.service
    shop wait
    ask <<'SQL'
select 'create role shop login password ''lab-password-shop'''
  where not exists (select from pg_roles where rolname = 'shop') \gexec
select 'create database shop owner shop template template0 encoding ''UTF8'' locale ''C.UTF-8'''
  where not exists (select from pg_database where datname = 'shop') \gexec
\connect shop
set role shop;
set client_min_messages = warning;
create table if not exists orders (
  id bigint primary key,
  at timestamptz not null default clock_timestamp(),
  taken_by inet default inet_server_addr()
);
SQL
    at_boot shop.service
    systemctl start shop.service
    ;;
  web)
    install -d /srv/web
    changed=
    ! put nginx.conf /etc/nginx/sites-available/default || changed=1
    at_boot nginx.service
    [ -z "$changed" ] || systemctl stop nginx.service
    systemctl start nginx.service
    ;;
  *) exit 2 ;;
esac
