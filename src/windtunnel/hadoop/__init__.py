"""Real Hadoop and Spark on this machine: releases, configuration, daemons, processes. Knows no AWS API."""
