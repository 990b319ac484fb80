#!/bin/sh
# The AWS CLI; its own Python must not see what the step set for its own.
unset PYTHONPATH PYTHONHOME
exec ${aws} "$$@"
