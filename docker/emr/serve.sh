#!/bin/sh
# The EMR service, and once more when it is killed: the clusters of this container live on meanwhile, and the next one
# finds them. When it ends by itself, the container does.
windtunnel="python -I -m windtunnel.cli.main"
service=
stopped=
interrupted=

end() {
    stopped=1
    interrupted=1
    if [ -n "$service" ]; then
        kill -TERM "$service" 2>/dev/null
    fi
}
trap end TERM INT

while true; do
    $windtunnel serve &
    service=$!
    # Asked to end before this one was known.
    if [ -n "$stopped" ]; then
        kill -TERM "$service" 2>/dev/null
    fi
    status=0
    wait "$service" || status=$?
    # A trap ends `wait` before the service has ended. (127: it had.)
    while [ -n "$interrupted" ]; do
        interrupted=
        ended=0
        wait "$service" || ended=$?
        if [ "$ended" -ne 127 ]; then
            status=$ended
        fi
    done
    if [ -n "$stopped" ] || [ "$status" -lt 128 ]; then
        exit "$status"
    fi
    echo "The EMR service was killed (signal $((status - 128))); it is started again." >&2
done
