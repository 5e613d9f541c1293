#!/bin/sh
# A server that syncs each write, and a client that counts; a server that ends is started again.
serve() {
    redis-server --port 7001 --save '' --appendonly yes --appendfsync always --daemonize no \
        --logfile server.log --dir "$PWD" >/dev/null 2>&1 &
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ "$(redis-cli -p 7001 ping 2>/dev/null)" = PONG ] && return 0
        sleep 0.2
    done
    return 1
}
n=0
for round in 1 2 3 4; do
    serve || continue
    while [ $n -lt $((round * 12)) ]; do
        n=$((n + 1))
        answer=$(redis-cli -p 7001 set key$n value$n 2>&1)
        case $answer in
        OK) echo "acked key$n" ;;
        MISCONF*) echo "refused key$n" ;;
        *) echo "failed key$n: $answer"; break ;;
        esac
    done
    [ $round = 2 ] && redis-cli -p 7001 bgrewriteaof >/dev/null 2>&1
    redis-cli -p 7001 shutdown nosave >/dev/null 2>&1
    wait
done
exit 0
