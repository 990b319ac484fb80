#!/bin/sh
# Amazon EMR's user hadoop may do all as root. Here the rest runs as the same user, who may do what you may.
while [ "$$#" -gt 0 ]; do
  case "$$1" in
  --) shift; break ;;
  -u | -g | -C | -h | -p | -r | -t | --user | --group) shift 2 ;;
  -i | -s | --login | --shell) shift; [ "$$#" -gt 0 ] || set -- bash ;;
  -*) shift ;;
  [A-Za-z_]*=*) export "$$1"; shift ;;
  *) break ;;
  esac
done
[ "$$#" -gt 0 ] || exit 0
exec "$$@"
