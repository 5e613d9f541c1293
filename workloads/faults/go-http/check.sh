#!/bin/sh
# No body that net/http was content with is another one, and the program has come to its end.
set -eu
! grep '^wrong' "$1" || exit 1
[ "$(grep -c '^got\|^failed' "$1")" = 20 ] || { echo "it did not come to its end: $(tail -1 "$1")"; exit 1; }
