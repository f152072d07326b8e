# Both begin with nothing but Python 3.11 or newer and make; a second run is quick.
#   make demo   a real sync of the sample data into a sandbox
#   make test   every test
#   make machines  four workers on one account, one is killed: needs PostgreSQL's programs; CONTACTS=20000 RATE=100 for less
#   make storm  the runner is killed again and again while the destination fails: SEED=2 KILLS=500 DESTINATION=loops

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEED ?= 1
KILLS ?= 200
DESTINATION ?= campaignlark
CONTACTS ?= 200000
RATE ?= 200
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --no-compile
# On all cores, which pip does on one. Some packages have files that are no Python of this version. Half of all is what nobody imports, or hardly
# anybody: packages' own tests, numbers' places and carriers, what mypy has as machine code, clouds that moto plays; Python compiles what it meets of it.
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x 'site-packages/(.*/tests?/|phonenumbers/.*data/|mypyc?/|moto/)' $(VENV)/lib || true
# What Python compiles is kept, whatever the environment says: the tests start hundreds of processes, and each would do it again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test storm machines lint wheel clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/muster demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal

storm: $(VENV)/.installed-dev
	$(BIN)/python -m tests.storm --seed $(SEED) --kills $(KILLS) --destination $(DESTINATION)

machines: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/four_workers.py --contacts $(CONTACTS) --rate $(RATE)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The wheel, installed into another environment and run from another folder.
wheel: $(VENV)/.installed-dev
	$(BIN)/python tests/wheel.py

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "muster needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment; on Debian: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing muster into $(VENV) ..."
	@$(PIP) --editable .
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing muster and what its tests need into $(VENV) ..."
	@$(PIP) --editable '.[dev]'
	@$(COMPILE)
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
