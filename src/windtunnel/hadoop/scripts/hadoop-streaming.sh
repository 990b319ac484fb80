#!/bin/sh
exec mapred streaming "$$@"
