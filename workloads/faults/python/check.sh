#!/bin/sh
# The state is whole, and the last that was acknowledged, or one that came after it.
set -eu
last=$(grep '^acked' "$1" | tail -1 | cut -d' ' -f2)
[ -n "$last" ] || exit 0
python3 - "$last" <<'END'
import json, sys
state = json.load(open("state.json"))
if len(state["text"]) != 5000 or state["n"] < int(sys.argv[1]):
    sys.exit(f"the state is {state['n']}, {sys.argv[1]} was acknowledged")
END
