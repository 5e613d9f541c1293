#!/bin/sh
# A tree copied, in one piece and file by file; what cp says of it.
mkdir -p tree/a/b out
for n in 1 2 3 4 5 6 7 8 9; do
    seq $n $((n * 2000)) >tree/a/b/file$n
done
cp -r tree out/whole && echo "copied whole"
cp --reflink=never --sparse=always -r tree out/other && echo "copied other"
exit 0
