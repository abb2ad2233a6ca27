# Every target creates what it needs first, is safe to repeat, and is quick the second time.
#   make PYTHON=python3.12 venv      takes another interpreter

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DIGITS := demo/digits
PEERS := build/peers
MATRIX := build/matrix
OLD_PYTHON ?= python3.12
BENCHMARKS := limits step startup prediction decoding memory carry_over target

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test test-slow fuzz test-labs test-matrix matrix-lowest matrix-newest matrix-plain labs labs-full bench bench-peers lint types imports ci clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP)  ## create .venv with nunbit and its tools

# The stamp is touched last, so that an interrupted installation is taken up again.
$(STAMP): pyproject.toml constraints.txt
	@version=$$("$(PYTHON)" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || { \
	  echo "error: '$(PYTHON)' does not run; nunbit needs Python 3.11 or newer: make PYTHON=/path/to/python3" >&2; exit 2; }; \
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: '$(PYTHON)' is Python $$version, but nunbit needs 3.11 or newer: make PYTHON=python3.12" >&2; exit 2; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: '$(PYTHON)' lacks the venv module (on Debian: apt install python3-venv)" >&2; exit 2; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Appears whole or not at all, so that half a data set is never taken for a whole one.
$(DIGITS): | $(STAMP)
	$(BIN)/python scripts/write_digits.py $@

demo: $(STAMP) $(DIGITS)  ## train on small pictures of digits and print the result
	@n=1; while [ -e runs/demo-$$n ]; do n=$$((n + 1)); done; \
	set -x; $(BIN)/nunbit train $(DIGITS) --epochs 15 --out runs/demo-$$n

# In the order of the folders: sorted by their number of tests, the long ones would come last, and
# all processes but one would wait for the end.
FAST := -m pytest -m "not slow and not labs" --numprocesses auto --dist loadscope --no-loadscope-reorder
test: $(STAMP)  ## the fast tests
	OMP_NUM_THREADS=1 $(BIN)/python $(FAST)

test-slow: $(STAMP)  ## the tests that train for minutes
	$(BIN)/python -m pytest -m slow

# Failures name the seed and the number, by which they are repeated.
FUZZ_MUTATIONS ?= 20000
fuzz: $(STAMP)  ## damage every kind of file that nunbit reads, for hours: make fuzz FUZZ_MUTATIONS=N
	OMP_NUM_THREADS=1 NUNBIT_FUZZ_MUTATIONS=$(FUZZ_MUTATIONS) NUNBIT_FUZZ_SEED=$${NUNBIT_FUZZ_SEED:-$$(date +%s)} \
	  $(BIN)/python -m pytest tests/fuzz --numprocesses auto

test-labs: $(STAMP)  ## the tests that run every quick lab
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m labs --numprocesses auto --dist loadscope

# All three are run, whatever one of them finds.
test-matrix:  ## the fast tests under the oldest and the newest torch, and with plain kernels
	@failed=; for part in lowest newest plain; do \
	  $(MAKE) --no-print-directory matrix-$$part || failed="$$failed $$part"; done; \
	test -z "$$failed" || { echo "error: failed:$$failed" >&2; exit 1; }

# The lowest torch and torchvision within the bounds of pyproject.toml.
matrix-lowest: $(MATRIX)/lowest/.installed
	$(call in_matrix,$(MATRIX)/lowest/bin/python)

# The newest that can be installed, and every extra.
matrix-newest: $(MATRIX)/newest/.installed
	$(call in_matrix,$(MATRIX)/newest/bin/python)

# Kernels of torch and oneDNN as a processor without AVX-512 and AMX has them; one process, one thread.
matrix-plain: $(STAMP)
	$(call in_matrix,env ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=AVX2 $(BIN)/python)

define in_matrix
@$(1) -c 'import platform, torch, torchvision; print("Python", platform.python_version(), \
  "torch", torch.__version__, "torchvision", torchvision.__version__, torch.backends.cpu.get_cpu_capability())'
OMP_NUM_THREADS=1 $(1) $(FAST)
endef

$(MATRIX)/lowest/.installed: pyproject.toml constraints.txt
	@"$(OLD_PYTHON)" -c '' || { echo "error: '$(OLD_PYTHON)' does not run: make OLD_PYTHON=/path/to/python3.12" >&2; exit 2; }
	test -x $(@D)/bin/python || "$(OLD_PYTHON)" -m venv $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --constraint constraints.txt \
	  --editable '.[dev]' 'torch==2.11.*' 'torchvision==0.26.*'
	@touch $@

$(MATRIX)/newest/.installed: pyproject.toml constraints.txt
	test -x $(@D)/bin/python || "$(PYTHON)" -m venv $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --constraint constraints.txt \
	  --upgrade --editable '.[dev,map]' torch torchvision
	@touch $@

labs: $(STAMP)  ## run every lab in seconds, on little data
	$(BIN)/nunbit lab all --quick

labs-full: $(STAMP)  ## run every lab in full, going on where it was interrupted, and write labs/RESULTS.md
	$(BIN)/nunbit lab all; code=$$?; $(BIN)/python scripts/write_lab_results.py && exit $$code

# A missed target fails the whole, but only when everything has been measured and written.
bench: $(STAMP)  ## measure the speed of everything but other libraries, and write benchmarks/RESULTS.md
	@failed=0; for name in $(BENCHMARKS); do \
	  (set -x; $(BIN)/python benchmarks/$$name.py) || failed=1; done; \
	$(BIN)/python scripts/write_bench_results.py && exit $$failed

bench-peers: $(STAMP) $(PEERS)/torch/.installed $(PEERS)/keras/.installed  ## install other libraries apart and train side by side with them
	$(BIN)/python benchmarks/training.py; code=$$?; $(BIN)/python scripts/write_bench_results.py && exit $$code

# One environment for each backend, apart from .venv: no library's wishes bind another's.
$(PEERS)/%/.installed: benchmarks/peers/%.txt | $(STAMP)
	test -x $(@D)/bin/python || "$(PYTHON)" -m venv $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --requirement $<
	@touch $@

lint: $(STAMP)  ## style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP)  ## strict types
	$(BIN)/mypy

imports: $(STAMP)  ## who may import whom
	$(BIN)/lint-imports

ci: lint types imports test demo  ## all that a change must pass

clean:  ## remove what make made: .venv, other environments and caches, never runs or data
	rm -rf $(VENV) $(PEERS) $(MATRIX) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
