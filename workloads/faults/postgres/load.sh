#!/bin/sh
# Inserts, each its own transaction, "acked" when it was reported as done; a server that ends is started again.
if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=postgres --regid=postgres --clear-groups sh "$0"
fi
PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH
export PGHOST="$PWD" PGPORT=5433 PGUSER=postgres PGDATA="$PWD/data" HOME="$PWD"
n=0
for round in 1 2 3; do
    pg_ctl -w -t 20 -l server.log -o "-c listen_addresses='' -k $PWD -p 5433 -c checkpoint_timeout=30s" start >/dev/null 2>&1
    psql -qAt -c 'create table if not exists t (n int primary key, text text)' 2>&1
    while [ $n -lt $((round * 15)) ]; do
        n=$((n + 1))
        if psql -qAt -c "insert into t values ($n, repeat('x', $((n * 50))))" 2>&1; then
            echo "acked $n"
        elif ! psql -qAt -c 'select 1' >/dev/null 2>&1; then
            break
        fi
    done
    psql -qAt -c checkpoint 2>&1
    pg_ctl -w -t 20 -m fast stop >/dev/null 2>&1
done
exit 0
