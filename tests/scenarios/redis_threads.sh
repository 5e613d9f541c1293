#!/bin/sh
# redis-server with threads for input and output, and an append-only file that a second server reads.
set -eu
. "$(dirname "$0")/lib.sh"
cli="redis-cli -p $port"
pong() { [ "$($cli ping)" = PONG ]; } # it answers, too, while it loads its data

start() {
    server redis redis-server --port "$port" --save "" --io-threads 2 --io-threads-do-reads yes \
        --appendonly yes
    await pong
}

start
redis-benchmark -p "$port" -n "${REQUESTS:-20000}" -c 20 -P 4 -q -t "${TESTS:-set,get,incr,lpush}" |
    tr '\r' '\n' | sed -n 's/: [0-9.]* requests per second.*//p'
$cli get counter:__rand_int__
$cli llen mylist
$cli shutdown
stopped
start
echo again
$cli get counter:__rand_int__
$cli llen mylist
$cli bgrewriteaof
until $cli info persistence | grep -q '^aof_rewrite_in_progress:0'; do sleep 0.1; done
$cli dbsize
$cli shutdown nosave
stopped
