#!/bin/sh
# Started again, the server has all that was acknowledged.
set -eu
redis-server --port 0 --unixsocket "$PWD/check.sock" --save '' --appendonly yes --dir "$PWD" \
    --logfile check.log >/dev/null 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; wait 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    [ "$(redis-cli -s check.sock ping 2>/dev/null)" = PONG ] && break
    kill -0 $server 2>/dev/null || { echo "the server does not start: $(tail -3 check.log)"; exit 1; }
    sleep 0.1
done
grep '^acked' "$1" | while read -r _ key; do
    value=$(redis-cli -s check.sock get "$key")
    [ "$value" = "value${key#key}" ] || { echo "acknowledged and lost: $key"; exit 1; }
done
