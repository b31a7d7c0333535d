# make demo · make test: each sets itself up on a machine that has Python 3.11–3.13 and make.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
DEMO := demo
export PYTHONUNBUFFERED := 1

.PHONY: demo test coverage faults oldest lint types install wheels clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: Python 3.11, 3.12 or 3.13 is needed; give PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: .venv/installed
	@sh demo.sh $(BIN) $(DEMO)

# One thread a test process: several times as many threads as cores would wait for each other.
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

# The whole suite with branches counted, in the processes that tests start, too; fails below 90 %.
coverage: .venv/installed
	$(BIN)/coverage erase
	OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Kills, full disks, lost photos, clocks, two at once, fuzzers, wrong changes of the package, the oldest libraries: hours;
# writes docs/FAULTS.md and docs/MUTATION.md. FAULTS='--kills 20' MUTANTS=10 for a part.
MUTANTS ?= 60
faults: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m faults $(FAULTS)
	$(BIN)/python -m fuzz --seconds 20
	OMP_NUM_THREADS=1 $(BIN)/python -m faults.mutation --mutants $(MUTANTS) --out docs/MUTATION.md
	$(MAKE) oldest

# The tests with the oldest version of each library that pyproject.toml allows, in an environment of their own; what
# libraries of different years warn of each other is no fault of ours. OLDEST_TESTS=tests/data for a part.
OLDEST := .venv-oldest
OLDEST_TESTS ?= $(addprefix tests/,masks data models metrics tasks training predict evaluate report apps)
oldest: $(OLDEST)/installed
	OMP_NUM_THREADS=1 $(OLDEST)/bin/pytest -n auto -W default $(OLDEST_TESTS)

$(OLDEST)/installed: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-oldest.txt -e '.[test]'
	@touch $@

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

# What a notebook without internet needs, beside the torch that it has: pip install --no-index --no-deps wheels/*.whl
wheels: .venv/installed
	mkdir -p wheels
	$(BIN)/pip wheel --quiet --no-deps -w wheels .
	grep -vE '^(#|torch==|torchvision==|triton==|nvidia-|cuda-)' constraints.txt > wheels/constraints.txt
	$(BIN)/pip wheel --quiet --no-deps -w wheels -r wheels/constraints.txt

clean:
	rm -rf $(DEMO) wheels
