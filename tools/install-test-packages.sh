#!/bin/sh
# Installs the programs that some tests and the benchmark call, where they are missing:
#
#     curl      types the examples of the documents (tests/docs)
#     faketime  moves the clock of a server (tests/node)
#     go        another implementation of transparency logs, to compare with (tests/tlog)
#     sqlite3   backs a running store up (tests/docs)
#     strace    makes a chosen system call fail (tests/faults)
#     wrk       makes load (make bench)
#
# Needs root for that. Without it, says loudly what will be skipped, and ends well: the other tests
# are worth running.
set -eu

missing=
for program in curl faketime go sqlite3 strace wrk; do
    if command -v "$program" >/dev/null; then continue; fi
    case $program in
    go) missing="$missing golang-go" ;; # what Debian calls it
    *) missing="$missing $program" ;;
    esac
done
if [ -z "$missing" ]; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing ..." >&2
    # shellcheck disable=SC2086 # words are what is wanted
    if apt-get update -qq >/dev/null &&
        DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
        exit 0
    fi
fi

{
    echo "*************************************************************************************"
    echo "MISSING:$missing. What needs them is SKIPPED."
    echo "On Debian or Ubuntu: sudo apt-get install$missing"
    echo "*************************************************************************************"
} >&2
