#!/bin/sh
# What the step "Setup Hadoop Debugging" runs: on Amazon EMR it feeds the debugging pages of the old console.
echo "Nothing is indexed for a console here: the logs of steps and containers are in S3, at the cluster's LogUri."
