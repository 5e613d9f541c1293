#!/bin/sh
# PostgreSQL: initdb, start, SQL, pgbench, COPY of 10 MB there and back, stop. It refuses to be root.
set -eu
if [ "$(id -u)" = 0 ]; then
    chown postgres .
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH
export PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres PGDATA=$PWD/data HOME=$PWD

initdb --no-sync -A trust -U postgres >initdb.log
pg_ctl -w -l server.log -o "-c unix_socket_directories='' -p $port" start >/dev/null
createdb bench
psql -qAt bench <<'END'
create table words (id serial primary key, word text unique);
insert into words (word) select 'word ' || g from generate_series(1, 1000) g;
begin; delete from words where id % 2 = 0; savepoint s; delete from words; rollback to s; commit;
select count(*), min(word), max(id) from words;
insert into words values (1, 'twice');
select sum(hashtext(word)) from words;
END
pgbench -i -q bench 2>&1 | grep -c 'done in'
pgbench -n -c 4 -t 50 bench | grep 'processed\|failed'
psql -qAt bench -c 'select count(*) from pgbench_history'
seq 1470000 | head -c 10000000 | sed '$d' >numbers
psql -qAt bench -c 'create table numbers (n int)'
psql -At bench -c 'copy numbers from stdin' <numbers
psql -qAt bench -c 'copy numbers to stdout' | cmp - numbers && echo "the same numbers"
psql -qAt bench -c 'select sum(n) from numbers'
pg_ctl -w -m fast stop >/dev/null
pg_controldata | grep state
