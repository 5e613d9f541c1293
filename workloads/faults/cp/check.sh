#!/bin/sh
# Where cp said that all is well, it is.
set -eu
grep '^copied' "$1" | while read -r _ name; do
    diff -r tree "out/$name" || { echo "cp was content with another copy"; exit 1; }
done
