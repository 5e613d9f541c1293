#!/bin/sh
# Transactions of ten rows; "acked" comes after each commit that was reported as done. A round ends with
# its first error. Rollback journals in the even rounds, a write-ahead log in the odd ones.
for round in 1 2 3 4 5 6; do
    {
        [ $((round % 2)) = 0 ] && echo 'pragma journal_mode = delete;' || echo 'pragma journal_mode = wal;'
        echo 'pragma synchronous = full; create table if not exists t (round, n, k, text);'
        for n in 1 2 3 4 5 6 7 8; do
            echo 'begin;'
            for k in 0 1 2 3 4 5 6 7 8 9; do
                echo "insert into t values ($round, $n, $k, hex(zeroblob($((n * 100)))));"
            done
            [ $n = 5 ] && echo "update t set text = 'new' where k = 3;"
            echo "commit; select 'acked', $round, $n;"
        done
    } | sqlite3 -bail t.db 2>&1
done
exit 0
