#!/bin/sh
# The EMR service, and once more when it is killed: the clusters of this container live on meanwhile, and the next one
# finds them. When it ends by itself, the container does.
windtunnel="python -I -m windtunnel.cli.main"

end() {
    stopped=1
    kill -TERM "$service"
}
trap end TERM INT

while true; do
    $windtunnel serve &
    service=$!
    status=0
    wait "$service" || status=$?
    # A trap ends `wait` before the service has ended.
    while kill -0 "$service" 2>/dev/null; do
        status=0
        wait "$service" || status=$?
    done
    if [ -n "$stopped" ] || [ "$status" -lt 128 ]; then
        exit "$status"
    fi
    echo "The EMR service was killed (signal $((status - 128))); it is started again." >&2
done
