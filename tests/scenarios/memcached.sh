#!/bin/sh
# memcached with four threads, its tools, and 8 clients at once.
set -eu
here=$(dirname "$0")
. "$here/lib.sh"
servers="--servers=127.0.0.1:$port"

if [ "$(id -u)" = 0 ]; then user="-u nobody"; else user=; fi
server memcached memcached -t 4 -U 0 -l 127.0.0.1 -p "$port" $user
await memcping $servers
seq 20000 >numbers
memccp $servers numbers
memccat $servers numbers >received
(cat numbers; echo) | cmp - received && echo "the same numbers"
python3 "$here/memcached_clients.py" "$port"
memcstat $servers | grep -E '(curr_items|cmd_set|threads|get_misses):'
kill -TERM $server
stopped
