#!/bin/sh
# redis-server, redis-cli, redis-benchmark. REQUESTS: of each kind of the benchmark. TESTS: which.
set -eu
. "$(dirname "$0")/lib.sh"
cli="redis-cli -p $port"
pong() { [ "$($cli ping)" = PONG ]; } # it answers, too, while it loads its data

server redis redis-server --port "$port" --save "" "$@"
await pong
$cli set greeting hello
$cli append greeting ' world'
$cli get greeting
$cli rpush list c a b
$cli sort list alpha
$cli eval 'return redis.call("incrby", KEYS[1], ARGV[1])' 1 counter 42
seq 500 | sed 's/.*/set key:& value:&/' | $cli | sort | uniq -c
$cli --scan --pattern 'key:49*' | sort | tr '\n' ' '
echo
(timeout 60 $cli subscribe news | sed 6q) >heard &
until [ "$($cli pubsub numsub news | tail -1)" = 1 ]; do sleep 0.1; done
echo "told $($cli publish news something)"
redis-benchmark -p "$port" -n "${REQUESTS:-20000}" -c 20 -q ${TESTS:+-t "$TESTS"} |
    tr '\r' '\n' | sed -n 's/: [0-9.]* requests per second.*//p'
$cli dbsize
$cli shutdown nosave
stopped
wait
tr '\n' ' ' <heard
echo
