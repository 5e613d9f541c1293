#!/bin/sh
# nginx with two workers; 20 curls at once of a 10 MB file.
set -eu
. "$(dirname "$0")/lib.sh"

user=$([ "$(id -u)" = 0 ] && echo 'user root;' || :)
mkdir www temp
seq 1470000 | head -c 10000000 >www/big
echo hello >www/index.html
cat >nginx.conf <<END
$user
worker_processes 2;
daemon off;
pid $PWD/nginx.pid;
error_log $PWD/error.log;
events { worker_connections 64; }
http {
    access_log $PWD/access.log;
    client_body_temp_path $PWD/temp/body;
    proxy_temp_path $PWD/temp/proxy;
    fastcgi_temp_path $PWD/temp/fastcgi;
    uwsgi_temp_path $PWD/temp/uwsgi;
    scgi_temp_path $PWD/temp/scgi;
    sendfile on;
    server {
        listen 127.0.0.1:$port;
        root $PWD/www;
        location /again/ { proxy_pass http://127.0.0.1:$port/; }
    }
}
END
url=http://127.0.0.1:$port
server nginx nginx -c "$PWD/nginx.conf" -e "$PWD/error.log"
await curl -sf $url/
curl -s $url/
curl -s $url/again/
curl -s -o /dev/null -w '%{http_code}\n' $url/nothing
curl -s -r 1000-1009 $url/big
echo
clients=
for i in $(seq 20); do
    curl -s $url/big | sha256sum >sum.$i &
    clients="$clients $!"
done
wait $clients
cat sum.* | sort | uniq -c
curl -s $url/again/big | sha256sum
nginx -c "$PWD/nginx.conf" -e "$PWD/error.log" -s quit
stopped
grep -c 'GET /big HTTP.* 200 10000000' access.log
