#!/bin/sh
# What curl was content with is the file.
set -eu
grep '^got' "$1" | while read -r _ name; do
    cmp data "$name" || { echo "curl was content with another file"; exit 1; }
done
