#!/bin/sh
# rsync to another rsync through a pipe, and through its own server over TCP.
set -eu
. "$(dirname "$0")/lib.sh"

mkdir from to
seq 300000 >from/numbers
for i in $(seq 30); do echo "file $i" >from/$i; done
ln -s numbers from/link
printf '#!/bin/sh\nshift\nexec "$@"\n' >shell # takes the host's name away
chmod +x shell
rsync -a -e ./shell --rsync-path="$(command -v rsync)" from/ anywhere:"$PWD/to"
diff -r from to && echo "the same"
sed -i 's/77777/seven/' from/numbers
rm from/30
rsync -rlpi --delete --checksum -e ./shell --rsync-path="$(command -v rsync)" from/ anywhere:"$PWD/to"
diff -r from to && echo "the same again"

printf 'use chroot = no\npid file = %s/pid\n[there]\npath = %s/there\nread only = no\nmunge symlinks = no\n%s' \
    "$PWD" "$PWD" "$([ "$(id -u)" != 0 ] || printf 'uid = root\ngid = root\n')" >rsyncd.conf
mkdir there
server rsyncd rsync --daemon --no-detach --address=127.0.0.1 --port="$port" --config=rsyncd.conf
await rsync rsync://127.0.0.1:$port/
rsync -a from/ rsync://127.0.0.1:$port/there/
diff -r from there && echo "the same there"
kill -TERM $server
stopped
