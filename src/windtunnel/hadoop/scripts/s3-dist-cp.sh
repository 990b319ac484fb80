#!/bin/sh
# See src/windtunnel/hadoop/s3distcp; its Python must not see what the step set for its own.
unset PYTHONPATH PYTHONHOME
exec ${python} -I -m windtunnel.hadoop.s3distcp "$$@"
