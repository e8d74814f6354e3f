# make demo   preview and load an example against the embedded sandbox
# make test   the whole test suite, from a fresh clone
# make check  ruff, mypy, pyright (with complete types), import-linter
# make proof  the long version of what makes us believe in the loader: an hour
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test check proof format bench clean

demo: $(VENV)/.run
	@$(BIN)/tokfluence demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright
	PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=. pyright --verifytypes tokfluence_async --ignoreexternal

proof: $(VENV)/.dev
	TOKFLUENCE_PROOF=1 TOKFLUENCE_PROOF_SCHEDULES=100000 $(BIN)/python -m pytest -n auto tests/proof $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	@for each in benchmarks/bench_*.py; do echo "== $$each"; $(BIN)/python $$each || exit 1; done

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist

# A venv without pip, then a current pip into it: works where the system Python is externally managed,
# lacks ensurepip (Debian), or brings a pip too old for dependency groups.
$(VENV)/.pip: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --upgrade 'pip>=25.1' \
	  || { $(BIN)/python -m ensurepip && $(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'; }
	@touch $@

$(VENV)/.run: $(VENV)/.pip pyproject.toml
	@$(BIN)/python -m pip install --quiet --editable '.[cli]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --editable '.[cli,otel,pandas,parquet,polars,report,zstd]' --group dev
	@touch $@
