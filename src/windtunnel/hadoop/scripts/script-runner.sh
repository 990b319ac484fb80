#!/bin/sh
# script-runner <folder> <script> [argument...]: what EMR's script-runner.jar does.
folder=$$1
script=$$2
shift 2
. ${launchers}/fetch
fetch "$$script" "$$folder"
chmod u+x "$$fetched" 2>/dev/null
case "$$(head -c 2 "$$fetched")" in
'#!') exec "$$fetched" "$$@" ;;
*) exec bash "$$fetched" "$$@" ;;
esac
