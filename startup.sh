#!/bin/bash
# Amazon MWAA sources this on every component, before it installs requirements.txt. Variables that it exports reach
# Airflow; the configuration options of the environment (here: windtunnel.toml) come after it and win.
export PIP_DISABLE_PIP_VERSION_CHECK=1
