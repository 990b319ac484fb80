# A class-data-sharing archive fits only a class path that begins with Spark's jars. So the configuration
# folder, which the launcher puts before them, goes behind them: no jar has files of the same names.
share_classes() {
  local conf="${SPARK_CONF_DIR:-$SPARK_HOME/conf}/" i
  for ((i = 1; i < ${#CMD[@]} - 1; i++)); do
    [ "${CMD[i]}" == "-cp" ] || continue
    case "${CMD[i + 1]}" in
    "$conf:"*) CMD[i + 1]="${CMD[i + 1]#"$conf:"}:$conf" ;;
    *) return ;;
    esac
    CMD=("${CMD[@]:0:i}" -Xshare:auto -Xlog:disable -Xlog:all=error:stderr
      -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0
      "-XX:SharedArchiveFile=$WINDTUNNEL_SPARK_ARCHIVE" "${CMD[@]:i}")
    return
  done
}
[ ! -e "$WINDTUNNEL_SPARK_ARCHIVE" ] || share_classes
