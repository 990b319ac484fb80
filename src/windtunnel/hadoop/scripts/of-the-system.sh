#!/bin/sh
# ${program}: on Amazon EMR it changes the node's system. Here that is your own machine, which stays as it is.
echo "${program} $$*: not done, since a cluster changes nothing on this machine." >&2
if [ "$$WINDTUNNEL_EMR_SYSTEM_CHANGES" = ignore ]; then
  exit 0
fi
echo "Install what is needed yourself, or set WINDTUNNEL_EMR_SYSTEM_CHANGES=ignore to go on without. pip3 works." >&2
exit 1
