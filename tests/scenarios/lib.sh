# For the scenarios that are shell scripts: PORT, and the two following, are free; waiting for a server.
port=${PORT:-7001}

# await COMMAND ...: until it succeeds; a minute is too long.
await() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "never came up: $*"; exit 1; }
        sleep 0.1
    done
}

# server NAME COMMAND ...: in the background, its pid in $server; it goes when the script goes.
server() {
    name=$1
    shift
    "$@" >"$name.log" 2>&1 &
    server=$!
    trap 'kill -KILL $server 2>/dev/null || :' EXIT
}

# stopped: waits for the server, says how it ended.
stopped() {
    status=0
    wait $server || status=$?
    trap - EXIT
    echo "server exited $status"
}
