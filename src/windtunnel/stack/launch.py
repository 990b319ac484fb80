"""What the supervisor runs for each service: it becomes the service, in exactly the recorded environment.

    python -P launch.py <services folder> <name>

The record is JSON, so that no value has to survive the quoting of the supervisor's own file. Whatever an
earlier process of the same service left behind is killed first, as the end of a container would have done.
"""

import json
import os
import signal
import sys
from pathlib import Path

from windtunnel.stack.leftovers import end


def main(folder: str, name: str) -> None:
    record = json.loads((Path(folder) / f"{name}.json").read_text())
    environment = {**record["environment"], **record["identity"]}
    command, directory = record["command"], record["directory"]
    left = end(record["identity"])
    if left:
        print(f"Killed {left} processes that an earlier {name} left behind.", flush=True)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.chdir(directory)
        os.execvpe(command[0], command, environment)  # noqa: S606
    except OSError as error:
        sys.exit(f"{name} cannot run {command[0]} in {directory}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
