#!/bin/sh
# A counter that is saved by write, fsync and rename; the program starts again when it was killed.
for round in 1 2 3; do
    python3 -S -E - $round <<'END'
import json, os, sys
state = {"n": 0, "text": ""}
try:
    with open("state.json") as file:
        state = json.load(file)
except FileNotFoundError:
    pass
except OSError as error:
    sys.exit(f"cannot read: {error}")
for _ in range(20):
    state = {"n": state["n"] + 1, "text": "x" * 5000}
    try:
        with open("state.json.new", "w") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename("state.json.new", "state.json")
        print("acked", state["n"], flush=True)
    except OSError as error:
        state["n"] -= 1
        print("failed", error, flush=True)
END
done
exit 0
