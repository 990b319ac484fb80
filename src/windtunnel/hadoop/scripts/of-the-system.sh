#!/bin/sh
# A program that would change this machine, or that a node as it is here has not.
name=$${0##*/}
echo "$$name: not run here: '$$name $$*'. A node of windtunnel is this machine, on which it installs and starts" \
  "nothing. Have what you need on this machine, or take 'pip3 install', which is the cluster's own;" \
  "WINDTUNNEL_EMR_SYSTEM_COMMANDS=warn lets scripts go on." >&2
exit ${exit_code}
