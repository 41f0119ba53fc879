# make serve   the product on http://127.0.0.1:8000 (PORT and ONDI_DATA_DIR can be set)
# make test    the whole suite, on a private PostgreSQL
# make lint    style, types, layers, dependencies, migrations; starts no server
# make stop    end what make serve started in this checkout
# make format  let ruff put the code in order
# make fuzz    generated requests against the whole OpenAPI document (minutes; FUZZ_EXAMPLES sets how many)
# make clients  clients that generators make of the OpenAPI document, type-checked and run (a minute; needs Node.js 20)
# make soak    the mixed load of a working day, and the create race at 200 clients (minutes)
# make chaos   workers killed, the database stopped, frozen and full, slow clients, no mail server, failing programs, streams cut, files on their way, answers that wait (two hours; needs nginx)
# make hostile  hostile files, 800 of them, each through the process that reads pictures, and a real virus scanner (four minutes; clamd if it is there)
# make pooler  the load of soak behind PgBouncer in transaction mode (half a minute; needs pgbouncer)
# make upgrade  the first release with a million tickets in it, brought to this one (SIZE sets how many; two minutes)
# make oracle    promised times of 100,000 random tickets against a walk through time minute by minute (a quarter of an hour)
# make fix-kills  every data fix killed and run again, against an undisturbed run (a minute)
# make timelines  a hundred thousand random timelines of people who are told things (TIMELINES sets how many; hours)
# make mutants every condition of security taken out in turn: does the suite notice? (half an hour)
# make e2e     an agent's day in a real browser, and a portal's (minutes; needs Chromium and nginx: make e2e-deps)
# make screenshots  the pictures of the README, from the demo
# make bench   the product against a floor without a framework, interleaved (SIZE sets how many tickets)
# make bench-search  the agents' search among a million tickets (SIZE sets how many)
# make bench-flat    ten thousand tickets against ten million (SIZES sets how many; a quarter of an hour, 50 GB)
# make bench-capacity  half to one and a half times what it can do, offered whether answered or not
# make bench-admin   pages of the workbench among ten thousand tickets and a million
# make bench-fixes   a data fix over 100,000 of a million tickets, while the API answers
# make bench-stream  what 5,000 open streams cost, and how long from commit to client (four minutes)
# make bench-relay   how long from commit to position, and what relay and workers cost an event (a minute)
# make bench-calls   how long from a commit to a webhook's call, while two of a hundred are dead and slow (three minutes)
# make bench-clocks  a million clocks: the look at what is due, the queue by due, new hours for a tenant's (half an hour)
# make bench-views    200 random saved views among a million tickets: quick, or refused when saved (ten minutes; FOLDER keeps the tickets)
# make bench-uploads what 50 uploads at a time cost the API, straight and behind nginx (a quarter of an hour; needs nginx)
# make bench-idle    what twenty agents who only look ask of the database, by the stream and by polling (a quarter of an hour)
# make messages  compile the translations after a change of a .po file

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: serve test lint stop fuzz clients soak chaos chaos-deps hostile hostile-deps pooler pooler-deps fix-kills timelines upgrade mutants e2e e2e-deps screenshots bench bench-search bench-flat bench-capacity bench-admin bench-fixes bench-relay bench-calls bench-stream bench-clocks bench-views bench-uploads bench-idle format messages clean

$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing; on Debian: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@echo "Installing dependencies ..."
	@$(BIN)/pip install --quiet --requirement requirements-dev.txt
	@touch $(READY)

serve: $(READY)
	@exec $(BIN)/python -m ondi.serve

stop:
	@$(PYTHON) -m ondi.stop

# Three workers for two cores: much of the suite waits for processes and clocks.
test: $(READY)
	@$(BIN)/python -m pytest -n 3 --dist worksteal
	@echo "make test: done. The long forms: make fuzz, make soak, make chaos, make mutants."

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@DEBUG=true $(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry .
	@DEBUG=true $(BIN)/python -W "ignore:Got an error checking" manage.py makemigrations --check --dry-run

fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz

clients: $(READY)
	@$(BIN)/python -m tests.clients

soak: $(READY)
	@$(BIN)/python -m tests.reliability.soak

chaos: $(READY)
	@$(BIN)/python -m tests.reliability.chaos

chaos-deps:
	apt-get update && apt-get install -y nginx-light

hostile: $(READY)
	@$(BIN)/python -m tests.reliability.hostile_files
	@$(BIN)/python -m tests.reliability.scanner

hostile-deps:
	apt-get update && apt-get install -y --no-install-recommends clamav-daemon

pooler: $(READY)
	@$(BIN)/python -m tests.reliability.pooler

pooler-deps:
	apt-get update && apt-get install -y pgbouncer

upgrade: $(READY)
	@$(BIN)/python -m tests.reliability.upgrade

fix-kills: $(READY)
	@$(BIN)/python -m tests.reliability.fixes

oracle: $(READY)
	@$(BIN)/python -m tests.service_levels.timelines

timelines: $(READY)
	@TIMELINES=$${TIMELINES:-100000} $(BIN)/python -m pytest -n 2 -q tests/notifications/test_timelines.py

mutants: $(READY)
	@$(BIN)/python -m tests.mutants

e2e: $(READY)
	@$(BIN)/python -m pytest tests/e2e -o addopts="-q --strict-markers -p no:cacheprovider" --show-capture=no

e2e-deps:
	apt-get update && apt-get install -y chromium fonts-noto-core nginx-light

screenshots: $(READY)
	@$(BIN)/python -m tests.e2e.screenshots

bench: $(READY)
	@$(BIN)/python -m tests.benchmarks.bench

bench-search: $(READY)
	@$(BIN)/python -m tests.benchmarks.search

bench-capacity: $(READY)
	@$(BIN)/python -m tests.benchmarks.capacity

bench-flat: $(READY)
	@$(BIN)/python -m tests.benchmarks.flat

bench-admin: $(READY)
	@$(BIN)/python -m tests.benchmarks.admin

bench-fixes: $(READY)
	@$(BIN)/python -m tests.benchmarks.fixes

bench-relay: $(READY)
	@$(BIN)/python -m tests.benchmarks.relay

bench-calls: $(READY)
	@$(BIN)/python -m tests.benchmarks.calls

bench-stream: $(READY)
	@$(BIN)/python -m tests.benchmarks.streams

bench-clocks: $(READY)
	@$(BIN)/python -m tests.benchmarks.clocks

bench-views: $(READY)
	@$(BIN)/python -m tests.benchmarks.views

bench-uploads: $(READY)
	@$(BIN)/python -m tests.benchmarks.uploads

bench-idle: $(READY)
	@$(BIN)/python -m tests.benchmarks.idle

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

messages: $(READY)
	@$(BIN)/python -m tests.messages

clean:
	@rm -rf $(VENV) .data .cache build static
