#!/bin/sh
# Before the run, in its directory: the program.
cp "$CACHE/go-http-client" client 2>/dev/null && exit
cp "$WORKLOAD/client.go" . && CGO_ENABLED=0 GOCACHE="$CACHE/go" go build -o client client.go && cp client "$CACHE/go-http-client"
