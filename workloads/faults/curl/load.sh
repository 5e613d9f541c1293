#!/bin/sh
# A server, and downloads from it; what curl says of each.
seq 1 40000 >data
python3 -S -m http.server --bind 127.0.0.1 8080 >server.log 2>&1 &
sleep 2
for n in 1 2 3 4 5 6; do
    curl -s -S -f --max-time 30 -o copy$n http://127.0.0.1:8080/data 2>&1 && echo "got copy$n"
done
kill %1 2>/dev/null || kill $! 2>/dev/null
exit 0
