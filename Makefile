# Two commands for a fresh machine that has Python 3.11+ and make:
#   make demo    a training on drawn cats and dogs, with its report
#   make test    the test suite, in minutes
PYTHON ?= python3
VENV := .venv
BACKENDS_VENV := .venv-backends
BIN := $(VENV)/bin
NUMERIC := -m "backends and not slow"
# Many tests compile the same functions and run them once: what is compiled is kept, and
# is compiled without optimization, which takes longer than running it.
JAX_CACHE := XLA_FLAGS="--xla_backend_optimization_level=0 \
	--xla_llvm_disable_expensive_passes=true" \
	JAX_COMPILATION_CACHE_DIR=.pytest_cache/jax \
	JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 \
	JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1

.PHONY: demo test test-thorough test-slow test-backends torture lint format clean

# The stamp is newer than what it was made from, so a second call installs nothing.
$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing TensorFlow, Keras and what else is needed into $(VENV), this once"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check \
		--constraint constraints.txt --editable ".[dev]"
	touch $@

# No TensorFlow in here on purpose: what promises to work without it is tested where it
# cannot be imported.
$(BACKENDS_VENV)/.installed: requirements-backends.txt constraints.txt
	test -x $(BACKENDS_VENV)/bin/python || $(PYTHON) -m venv $(BACKENDS_VENV)
	$(BACKENDS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt torch==2.13.0
	$(BACKENDS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --requirement requirements-backends.txt
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m apps.cats_dogs

# A worker more than cores: some tests wait for processes of their own.
test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not slow and not thorough"

# What takes seconds, and more cases of what `make test` has shown on one or two.
test-thorough: $(VENV)/.installed
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "thorough and not slow"

test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m slow --timeout 3600

# `make test` runs the same tests on TensorFlow.
test-backends: $(VENV)/.installed $(BACKENDS_VENV)/.installed
	KERAS_BACKEND=jax $(JAX_CACHE) $(BACKENDS_VENV)/bin/python -m pytest -n 2 $(NUMERIC)
	KERAS_BACKEND=torch $(BACKENDS_VENV)/bin/python -m pytest -n 2 $(NUMERIC)

# Kills trainings in every way, resumes them, and prints what was lost.
torture: $(VENV)/.installed
	$(BIN)/python -m tests.training.torture
	$(BIN)/python -m tests.training.torture_rows

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(BACKENDS_VENV) .pytest_cache .mypy_cache .ruff_cache
