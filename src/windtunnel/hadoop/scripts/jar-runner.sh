#!/bin/sh
# jar-runner <folder> <jar> [main class] [argument...]: a custom JAR, as `hadoop jar` runs it.
folder=$$1
jar=$$2
shift 2
. ${launchers}/fetch
fetch "$$jar" "$$folder"
WINDTUNNEL_JAVA_OPTIONS=$$folder/java-options
export WINDTUNNEL_JAVA_OPTIONS
exec hadoop jar "$$fetched" "$$@"
