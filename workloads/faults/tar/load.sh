#!/bin/sh
# An archive made and unpacked; what tar says of it.
mkdir -p tree/a/b out
for n in 1 2 3 4 5 6 7 8 9; do
    seq $n $((n * 2000)) >tree/a/b/file$n
done
tar cf a.tar tree && echo "made"
tar xf a.tar -C out && echo "unpacked"
exit 0
