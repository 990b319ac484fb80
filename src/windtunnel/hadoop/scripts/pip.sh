#!/bin/sh
# pip for the cluster's own Python: one at a time, for the bootstrap actions of all nodes install into the same.
exec ${python} -c '
import fcntl, os, runpy, sys
lock = open(os.path.join(sys.prefix, "pip.lock"), "w")
fcntl.flock(lock, fcntl.LOCK_EX)
sys.argv[0] = "pip"
sys.argv[1:] = [word for word in sys.argv[1:] if word != "--user"]  # it is its own already
runpy.run_module("pip", run_name="__main__", alter_sys=True)
' "$$@"
