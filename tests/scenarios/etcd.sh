#!/bin/sh
# etcd with its client.
set -eu
. "$(dirname "$0")/lib.sh"
export ETCDCTL_API=3
client=http://127.0.0.1:$port peer=http://127.0.0.1:$((port + 1))
ctl="etcdctl --endpoints=$client"

server etcd etcd --data-dir data --listen-client-urls $client --advertise-client-urls $client \
    --listen-peer-urls $peer --initial-advertise-peer-urls $peer --initial-cluster default=$peer
await $ctl endpoint health
$ctl put key one
(timeout 60 etcdctl --endpoints=$client watch key | sed 3q) >seen &
watcher=$!
sleep 1
$ctl put key two
$ctl get key
$ctl txn <<'END'
value("key") = "two"

put key three
put other yes

put key no

END
$ctl get --prefix '' --keys-only | grep .
$ctl del key
$ctl get key
wait $watcher
cat seen
kill -TERM $server
stopped
