#!/bin/sh
# jar-runner <folder> <jar> [main class] [argument...]: a custom JAR, as `hadoop jar` runs it.
folder=$$1
jar=$$2
shift 2
. ${launchers}/fetch
case "$$jar" in
*://* | file:*) fetch "$$jar" "$$folder" ;;
*) fetched=$$jar ;; # of the node itself; `hadoop jar` knows those that Amazon EMR has
esac
WINDTUNNEL_JAVA_OPTIONS=$$folder/java-options
export WINDTUNNEL_JAVA_OPTIONS
exec hadoop jar "$$fetched" "$$@"
