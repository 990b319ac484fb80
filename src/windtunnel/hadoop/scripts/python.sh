#!/bin/sh
# Python and pip of the cluster's own environment, which its executors have too.
name=$${0##*/}
case "$$name:$$1:$$2" in
pip*) exec ${python} ${pip} "$$@" ;;
*:-m:pip) shift 2; exec ${python} ${pip} "$$@" ;;
esac
exec ${python} "$$@"
