#!/bin/sh
# The database is whole; what was acknowledged is there; of the rest each transaction is there or not.
set -eu
[ -e t.db ] || { ! grep -q acked "$1"; exit; }
[ "$(sqlite3 t.db 'pragma integrity_check')" = ok ] || { echo "the database is damaged"; exit 1; }
sqlite3 t.db 'create table if not exists t (round, n, k, text)'
torn=$(sqlite3 t.db 'select round, n, count(*) from t group by round, n having count(*) <> 10')
[ -z "$torn" ] || { echo "half of a transaction: $torn"; exit 1; }
grep '^acked' "$1" | while IFS='|' read -r _ round n; do
    rows=$(sqlite3 t.db "select count(*) from t where round = $round and n = $n")
    [ "$rows" = 10 ] || { echo "acknowledged and lost: round $round, transaction $n"; exit 1; }
done
