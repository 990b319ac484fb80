# The only entry point. Each target calls the command of the same name: see `windtunnel --help`.
#
#   make run ROWS=20000                 fewer rows than a million
#   make up WINDTUNNEL_EMR_PORT=4571    any setting, as a variable
#   make logs SERVICE=emr FOLLOW=1      one service, and go on
#   make test ARGS="-k salary -x"       what else the command takes

SHELL := /bin/sh
PYTHON ?= python3
WINDTUNNEL := .venv/bin/windtunnel
READY := .venv/.ready
.DEFAULT_GOAL := help

# Variables given to make reach the commands through their environment.
ifdef STACK
export WINDTUNNEL_STACK := $(STACK)
endif
ifdef ROWS
export SALARY_ROWS := $(ROWS)
endif

.PHONY: up down status logs run check deploy destroy test test-unit test-e2e soak bench env clean serve help lock sbom

up: $(READY) ## Set up what is missing and start the stack; no-op when it is up
	@$(WINDTUNNEL) up $(ARGS)

down: $(READY) ## Stop the stack; the history of EMR and Airflow stays
	@$(WINDTUNNEL) down $(ARGS)

status: $(READY) ## Show the services, live EMR clusters and their web pages
	@$(WINDTUNNEL) status $(ARGS)

logs: $(READY) ## Show the logs of one service or of all, and follow them if asked to
	@$(WINDTUNNEL) logs $(SERVICE) $(if $(FOLLOW),--follow) $(ARGS)

run: $(READY) ## Run the pipeline and print its result; starts the stack
	@$(WINDTUNNEL) run $(ARGS)

check: $(READY) ## Tell what of the project would fail on AWS: DAGs, requirements, options, endpoints
	@$(WINDTUNNEL) check $(ARGS)

deploy: $(READY) ## Deploy the project to AWS, or to LocalStack with --local; shows its plan and asks first
	@$(WINDTUNNEL) deploy $(ARGS)

destroy: $(READY) ## Remove from AWS what `deploy` has made; shows it and asks first
	@$(WINDTUNNEL) destroy $(ARGS)

test: $(READY) ## Run all tests
	@$(WINDTUNNEL) test $(ARGS)

test-unit: $(READY) ## Run the unit tests
	@$(WINDTUNNEL) test-unit $(ARGS)

test-e2e: $(READY) ## Run the end-to-end tests
	@$(WINDTUNNEL) test-e2e $(ARGS)

soak: $(READY) ## Run the tests that take long: older releases, long drills
	@$(WINDTUNNEL) soak $(ARGS)

bench: $(READY) ## Run the project's benchmarks
	@$(WINDTUNNEL) bench $(ARGS)

env: $(READY) ## Print the variables of the stack: eval "$(windtunnel env)"
	@$(WINDTUNNEL) env $(ARGS)

clean: $(READY) ## Stop the stack and remove its state: history, logs, databases
	@$(WINDTUNNEL) clean $(ARGS)

serve: $(READY) ## Run only the EMR service, in the foreground
	@$(WINDTUNNEL) serve $(ARGS)

help: ## Show this list, or the help of one command
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1@/p' Makefile | awk -F@ '{ printf "  make %-10s %s\n", $$1, $$2 }'
	@echo
	@sed -n 's/^#  //p' Makefile

lock: $(READY) ## Resolve the locks of windtunnel's own environment anew
	@for one in runtime dev; do \
	  if [ $$one = dev ]; then group="--group dev"; else group=""; fi; \
	  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    pyproject.toml $$group -o locks/$$one.txt || exit 1; \
	done
	@echo "locks/runtime.txt and locks/dev.txt are up to date with pyproject.toml."

sbom: $(READY) ## Write what every lock brings as a bill of materials into dist/sbom
	@.venv/bin/python -m supply.sbom $(ARGS)

# The environment that windtunnel itself runs in, from the lock. The marker is written last, so an interrupted set-up
# goes on the next time: what was downloaded is in pip's and uv's own caches.
# The Python it was made of may have been upgraded away since.
ifneq ($(shell test -x .venv/bin/python && echo there),there)
$(READY): again
endif
again:

$(READY): pyproject.toml locks/dev.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "windtunnel needs Python 3.11 or newer, and there is no $(PYTHON)." >&2; \
	  echo "Install it, or say where it is: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "windtunnel needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`." >&2; \
	  echo "Say which to take: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments, since its modules venv and ensurepip are missing." >&2; \
	  echo "Debian and Ubuntu have them in a package of their own: sudo apt install python3-venv" >&2; exit 1; }
	@echo "windtunnel's own environment (.venv) …"
	@$(PYTHON) -c 'import os, sys; a = os.path.realpath; sys.exit(not os.path.exists(".venv/bin/python") \
	  or a(".venv/bin/python") != a(sys._base_executable))' || $(PYTHON) -m venv --clear .venv
	@uv=`sed -n 's/^uv==\([0-9.]*\).*/\1/p' locks/dev.txt`; \
	  .venv/bin/uv --version 2>/dev/null | grep -q "^uv $$uv" \
	  || .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$$uv"
	@echo "Installing `grep -c '^[a-z].*==' locks/dev.txt` packages into it; a minute or two the first time …"
	@if [ -t 2 ]; then quiet=; else quiet=--quiet; fi; \
	  .venv/bin/uv pip sync $$quiet --require-hashes --compile-bytecode --python .venv/bin/python locks/dev.txt
	@.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python --editable .
	@touch $@
