#!/bin/sh
# Each commit that was acknowledged is there, whole, with its file.
set -eu
export HOME="$PWD"
grep '^acked' "$1" | while read -r _ name n; do
    git cat-file -e "$name^{tree}" || { echo "acknowledged and lost: $name"; exit 1; }
    git merge-base --is-ancestor "$name" HEAD || { echo "not in the history: $name"; exit 1; }
    seq "$n" $((n * 300)) | cmp -s - "file$n" || { echo "file$n is another"; exit 1; }
    git show "$name:file$n" | cmp -s - "file$n" || { echo "file$n is another in the commit"; exit 1; }
done
grep -q '^acked' "$1" || exit 0
git fsck --no-dangling 2>&1 | grep -E '^(error|fatal|missing|broken)' | head -3 >fsck.txt
[ ! -s fsck.txt ] || { echo "fsck: $(cat fsck.txt)"; exit 1; }
