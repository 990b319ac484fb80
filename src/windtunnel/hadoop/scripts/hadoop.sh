#!/bin/sh
# ${program}: Hadoop's command line, without the second that Hadoop's own scripts take.
class_path=${class_path}
while [ "$$#" -gt 1 ]; do
  case "$$1" in
  --config) HADOOP_CONF_DIR=$$2; export HADOOP_CONF_DIR; shift 2 ;;
  --loglevel) shift 2 ;;
  *) break ;;
  esac
done
for environment in hadoop-env ${program}-env; do
  [ ! -s "$$HADOOP_CONF_DIR/$$environment.sh" ] || . "$$HADOOP_CONF_DIR/$$environment.sh"
done
command=$${1:-}
[ "$$#" -gt 0 ] && shift
speed="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
case "$$command" in
${cases}
  classpath) printf '%s\n' "$$class_path:$$HADOOP_CONF_DIR"; exit ;;
  *.*) main=$$command; speed= ;;
  *) echo "${program}: '$$command' is not one of its commands here: ${commands}, or a class name." >&2; exit 1 ;;
esac
case "$$command" in
  app | application | applicationattempt | container) set -- "$$command" "$$@" ;;
  jar)
    speed=
    jar=$${1:-}
    # Amazon EMR's nodes have these in folders of their own: /usr/lib/hadoop-mapreduce, /usr/share/aws/emr…
    [ -e "$$jar" ] || case "$${jar##*/}" in
${installed}
    s3-dist-cp.jar | s3distcp.jar | emr-s3distcp-*.jar) shift; exec s3-dist-cp "$$@" ;;
    esac
    [ "$$#" -eq 0 ] || { shift; set -- "$$jar" "$$@"; }
    ;;
esac
exec "$$JAVA_HOME/bin/java" "-Djava.io.tmpdir=$${TMPDIR:-/tmp}" $$speed ${options} $$HADOOP_CLIENT_OPTS \
  $${WINDTUNNEL_JAVA_OPTIONS:+"@$$WINDTUNNEL_JAVA_OPTIONS"} \
  -cp "$$class_path:$$HADOOP_CONF_DIR$${HADOOP_CLASSPATH:+:$$HADOOP_CLASSPATH}" "$$main" "$$@"
