#!/bin/sh
# Where tar said that all is well, it is.
set -eu
if grep -q '^made' "$1"; then
    mkdir fresh
    tar xf a.tar -C fresh || { echo "the archive is damaged"; exit 1; }
    diff -r tree fresh/tree || { echo "the archive has other data"; exit 1; }
fi
if grep -q '^made' "$1" && grep -q '^unpacked' "$1"; then
    diff -r tree out/tree || { echo "other data was unpacked"; exit 1; }
fi
