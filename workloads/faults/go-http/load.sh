#!/bin/sh
# The client and the server, one program.
exec ./client 2>&1
