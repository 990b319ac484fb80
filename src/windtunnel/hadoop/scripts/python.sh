#!/bin/sh
# The cluster's own Python. pip takes turns, whichever way it is called: see pip.
if [ "$$1" = -m ] && [ "$$2" = pip ]; then
  shift 2
  exec ${pip} "$$@"
fi
exec ${python} "$$@"
