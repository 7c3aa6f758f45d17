# `make demo` shows the product, `make test` and `make check` are what CI runs; all need only Python 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOAK ?= data/melbourne_temperature.csv
.PHONY: demo test slow soak check format clean

demo: $(VENV)/.installed
	$(BIN)/python -m forecaster train data/melbourne_temperature.csv
	$(BIN)/python -m forecaster predict
	@echo "To use the forecast command, type: source $(BIN)/activate"

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto -m "not slow"

slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m slow

soak: $(VENV)/.installed
	$(BIN)/python -m benchmarks.soak kills --count 200
	for data in $(SOAK); do $(BIN)/python -m benchmarks.soak nights --data $$data --nights 60 || exit 1; done
	CLUSTER_KILLS=100 $(BIN)/python -m pytest tests/parallel/test_cluster.py -k random
	$(BIN)/python -m benchmarks.fuzz csv --inputs 200000
	$(BIN)/python -m benchmarks.fuzz formats --inputs 20000
	$(BIN)/python -m benchmarks.fuzz yaml --inputs 50000
	$(BIN)/python -m benchmarks.fuzz commands --inputs 20000

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

# the constraints hold the versions that were tested; without them pip would choose a CUDA build of torch
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
