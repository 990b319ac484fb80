#!/bin/sh
exec ${script} "$$@"
