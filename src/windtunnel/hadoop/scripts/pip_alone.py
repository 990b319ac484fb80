"""pip, one at a time: the nodes of a cluster share one environment, and install into it at once.

Run by the release's Python, whichever that is.
"""

import fcntl
import os
import runpy
import sys

with open(os.path.join(sys.prefix, ".pip.lock"), "a") as lock:  # noqa: PTH118, PTH123
    fcntl.flock(lock, fcntl.LOCK_EX)
    # The environment is the user's own, and pip refuses --user in one.
    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument != "--user"]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
