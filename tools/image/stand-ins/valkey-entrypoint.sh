#!/bin/sh
set -e
exec setpriv --reuid=valkey --regid=valkey --clear-groups "$@"
