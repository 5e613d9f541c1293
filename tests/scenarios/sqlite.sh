#!/bin/sh
# Four sqlite3 processes write to one file.
set -eu
sqlite3 shared.db 'create table t (who int, what int)'
for who in 1 2 3 4; do
    for what in $(seq 25); do
        echo "insert into t values ($who, $what); select count(*) > 0 from t where who = $who;"
    done >$who.sql
    sqlite3 -cmd '.timeout 600000' shared.db <$who.sql >$who.out 2>&1 &
done
wait
sort [1-4].out | uniq -c
sqlite3 shared.db 'select who, count(*), sum(what) from t group by who; pragma integrity_check'
