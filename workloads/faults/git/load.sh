#!/bin/sh
# Ten commits, a repack among them. "acked" and the commit's name when git says that it is done.
export GIT_AUTHOR_DATE='2030-01-01T00:00:00Z' GIT_COMMITTER_DATE='2030-01-01T00:00:00Z' HOME="$PWD"
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c
git init -q . 2>&1 || git init -q . 2>&1 || exit 0
for n in 1 2 3 4 5 6 7 8 9 10; do
    rm -f .git/index.lock .git/HEAD.lock .git/refs/heads/*.lock
    seq $n $((n * 300)) >file$n
    git add . 2>&1 && git commit -q -m "number $n" 2>&1 && name=$(git rev-parse HEAD) && echo "acked $name $n"
    [ $n = 6 ] && git repack -q -a -d 2>&1
done
exit 0
