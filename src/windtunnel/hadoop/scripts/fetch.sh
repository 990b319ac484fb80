# fetch <address> <folder>: puts the path of a local copy into $$fetched, or ends the step.
fetch() {
  fetched=$$2/$${1##*/}
  case "$$1" in
  s3://* | s3n://* | s3a://*) aws s3 cp --only-show-errors "s3://$${1#*://}" "$$fetched" ;;
  hdfs://*) hadoop fs -copyToLocal -f "$$1" "$$fetched" ;;
  file://*) fetched=$${1#file://}; [ -r "$$fetched" ] ;;
  file:*) fetched=$${1#file:}; [ -r "$$fetched" ] ;;
  *) fetched=$$1; [ -r "$$fetched" ] ;;
  esac || { echo "Cannot read $$1." >&2; exit 1; }
}
