#!/bin/sh
# Started again, the server recovers, and has all that was acknowledged.
set -eu
if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=postgres --regid=postgres --clear-groups sh "$0" "$1"
fi
PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH
export PGHOST="$PWD" PGPORT=5433 PGUSER=postgres PGDATA="$PWD/data" HOME="$PWD"
pg_ctl -m immediate stop >/dev/null 2>&1 || true
rm -f data/postmaster.pid .s.PGSQL.*
pg_ctl -w -t 60 -l check.log -o "-c listen_addresses='' -k $PWD -p 5433" start >/dev/null ||
    { echo "the server does not start: $(tail -3 check.log)"; exit 1; }
trap 'pg_ctl -m immediate stop >/dev/null 2>&1' EXIT
psql -qAt -c 'create table if not exists t (n int primary key, text text)'
psql -qAt -c 'select n from t where length(text) = n * 50 order by n' >rows.txt
grep '^acked' "$1" | while read -r _ n; do
    grep -qx "$n" rows.txt || { echo "acknowledged and lost: $n"; exit 1; }
done
