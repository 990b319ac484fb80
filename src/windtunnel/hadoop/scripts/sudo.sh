#!/bin/sh
# sudo: the rest of the line by the same user, for a node's user is this machine's, who is to stay an ordinary one.
usage() { echo "sudo: $$1" >&2; exit 1; }
shell= home= background=
while [ "$$#" -gt 0 ]; do
  case "$$1" in
  --) shift; break ;;
  --login) shell=1 home=1 ;;
  --shell) shell=1 ;;
  --background) background=1 ;;
  --validate | --list | --reset-timestamp | --remove-timestamp | --version) exit 0 ;;
  --user | --group | --host | --prompt | --chdir | --close-from | --command-timeout | --other-user | --role | --type)
    [ "$$#" -gt 1 ] || usage "option '$$1' requires an argument"
    shift ;;
  --preserve-env | --preserve-env=* | --set-home | --non-interactive | --stdin | --askpass | --bell | --*=*) ;;
  --*) usage "unrecognized option '$$1'" ;;
  -?*)
    flags=$${1#-}
    while [ -n "$$flags" ]; do
      rest=$${flags#?}
      case "$$flags" in
      [ughpCDTUrtR]*)
        if [ -z "$$rest" ]; then
          [ "$$#" -gt 1 ] || usage "option requires an argument -- '$$flags'"
          shift
        fi
        rest= ;;
      i*) shell=1 home=1 ;;
      s*) shell=1 ;;
      b*) background=1 ;;
      [vlkKV]*) exit 0 ;;
      [EHnSABNP]*) ;;
      *) usage "invalid option -- '$${flags%"$$rest"}'" ;;
      esac
      flags=$$rest
    done ;;
  [A-Za-z_]*=*)
    case "$${1%%=*}" in *[!A-Za-z0-9_]*) break ;; esac
    export "$$1" ;;
  *) break ;;
  esac
  shift
done
if [ "$$#" -eq 0 ]; then
  [ -n "$$shell" ] || usage "say what to run: sudo [-E] [-H] [-n] [-u user] [NAME=value] command"
  set -- bash
fi
if [ -n "$$home" ]; then cd "$$HOME" || exit 1; fi
if [ -n "$$background" ]; then
  "$$@" &
  exit 0
fi
exec "$$@"
