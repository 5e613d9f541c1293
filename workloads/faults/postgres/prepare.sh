#!/bin/sh
# Before the run: a cluster, made once. PostgreSQL refuses to be root.
set -eu
if [ ! -e "$CACHE/pgdata" ]; then
    PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH
    mkdir "$CACHE/pg" && chown postgres "$CACHE/pg"
    setpriv --reuid=postgres --regid=postgres --clear-groups \
        initdb -A trust -U postgres --wal-segsize=1 -D "$CACHE/pg/data" >/dev/null
    mv "$CACHE/pg" "$CACHE/pgdata"
fi
cp -a "$CACHE/pgdata/data" data
chown postgres .
