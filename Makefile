# The commands of this project. `make help` explains them; each does its own set-up.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
# Optional drivers and Spark: make setup EXTRAS=postgresql,spark. Later commands keep the choice; `EXTRAS=` clears it.
CHOICE := .venv/.extras
EXTRAS ?= $(shell cat $(CHOICE) 2>/dev/null)
comma := ,
export PATH := $(CURDIR)/$(BIN):$(PATH)
export GX_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: help
help:  ## Show this help
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

.PHONY: always
$(CHOICE): always
	@known="$$(sed -n '/^\[project.optional/,/^$$/s/ = \[.*//p' pyproject.toml | paste -sd' ')"; \
	for extra in $(subst $(comma), ,$(EXTRAS)); do case " $$known " in *" $$extra "*) ;; *) \
	  echo "EXTRAS=$(EXTRAS): $$extra is not an extra of pyproject.toml. Allowed: $$known, several with commas."; exit 1; esac; done
	@mkdir -p $(@D)
	@echo '$(EXTRAS)' | cmp -s - $@ || echo '$(EXTRAS)' > $@

# A folder that was moved has scripts that name the old one, and one whose set-up was killed has none: made anew.
WHOLE := head -n 3 $(BIN)/pip 2>/dev/null | grep -qF '$(CURDIR)/'
BROKEN := $(shell test ! -e $(READY) || $(WHOLE) || echo always)

$(READY): requirements.lock .ci/uv.txt pyproject.toml $(CHOICE) $(BROKEN)
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none was found. Install one, or say: make PYTHON=/path/to/python"; exit 1; }
	@echo "Setting up .venv (once; about a minute) ..."
	@{ $(BIN)/python -m pip --version >/dev/null 2>&1 && $(WHOLE); } || { \
	  test ! -e $(BIN) || echo "The folder was moved, or its set-up was interrupted: .venv is made anew."; \
	  PATH="$${PATH#$(CURDIR)/$(BIN):}" $(PYTHON) -m venv --clear .venv && echo '$(EXTRAS)' > $(CHOICE); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --system-certs --compile-bytecode --require-hashes -r requirements.lock \
	  || { echo "uv did not succeed; trying pip (3 to 5 minutes) ..."; \
	       $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@test -z "$(EXTRAS)" || { sed -n 's/^\([a-z].*==.*\) \\$$/\1/p' requirements.lock > .venv/locked.txt; \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --system-certs --no-build-isolation --constraint .venv/locked.txt --editable '.[$(EXTRAS)]' \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --constraint .venv/locked.txt --editable '.[$(EXTRAS)]'; }
	@$(BIN)/python -m pipelines.modelling.tracking.new_store || true  # only saves time: a run would make its own
	@touch $@

.PHONY: setup
setup: $(READY)  ## Make the virtual environment from the hashed lock (the others do it by themselves); EXTRAS=postgresql adds a driver

.PHONY: run
run: $(READY)  ## The main job: pull, check, train, compare, score, list. Ends with the list's first rows
	@churn run

.PHONY: doctor
doctor: $(READY)  ## Look at your activity before anything is trained
	@churn doctor

.PHONY: ui
ui: $(READY)  ## Open MLflow on the runs made here
	@churn ui

# Of the many columns of `dvc exp show` those that vary, without the hashes of files and the bookkeeping.
.PHONY: compare
compare: $(READY)  ## Your experiments side by side: which settings were changed, which figures they reached
	@dvc exp show --md --only-changed --drop '(?!data/evaluation/.*:)(data|features|models|pipelines)(/.*)?$$|Created$$|State$$|Executor$$'

.PHONY: test
test: lint $(READY)  ## The whole test suite, with style, types, import rules and the documentation
	@pytest -n 2 --dist loadscope --no-loadscope-reorder -rs

.PHONY: test-fast
test-fast: $(READY)  ## The tests that answer within a minute
	@pytest -n 2 --dist loadscope --no-loadscope-reorder -m "not slow and not browser"

.PHONY: figures
figures: $(READY)  ## Record what README and docs quote of the demo, after `make run` (ARGS=--experiments: the comparison, too)
	@python -m tests.figures $(ARGS)

.PHONY: prove
prove: $(READY)  ## Every law on many more examples than in the suite, recorded in tests/proofs.json (ARGS="--check")
	@python tests/prove.py $(ARGS)

.PHONY: lint
lint: $(READY)  ## Style, types and import rules only
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports --no-cache

.PHONY: docs
docs: $(READY)  ## Build the documentation into build/docs/site; fails on dead links and unlisted pages
	@python -m pipelines.commands.reference.site

.PHONY: bench
bench: $(READY)  ## Time `make run` from nothing and with nothing to do, stage by stage, in a copy of its own
	@python tests/benchmarks/run.py

.PHONY: bench-quality
bench-quality: $(READY)  ## Judge the list's scores by what followed (another stream: ARGS="--stream FILE --until D --horizon H --active E")
	@python tests/benchmarks/quality.py $(ARGS)

.PHONY: bench-acted-upon
bench-acted-upon: $(READY)  ## Ways to train on customers whom lists contacted: is the model still right about the others?
	@python tests/benchmarks/acted_upon.py

.PHONY: bench-features
bench-features: $(READY)  ## CPU, time and memory of the feature engine: make bench-features ARGS="--events 1000000"
	@python tests/benchmarks/features.py $(ARGS)

.PHONY: bench-pull
bench-pull: $(READY)  ## CPU, time and memory of a pull beside the bare driver's: make bench-pull ARGS="--rows 1000000"
	@python tests/benchmarks/pull.py $(ARGS)

.PHONY: bench-bad-rows
bench-bad-rows: $(READY)  ## CPU of bad rows beside that of good ones: make bench-bad-rows ARGS="--rows 1000000"
	@python tests/benchmarks/bad_rows.py $(ARGS)

.PHONY: bench-score
bench-score: $(READY)  ## CPU, time and memory of churn score beside the bare boosters: make bench-score ARGS="--customers 100000"
	@python tests/benchmarks/score.py $(ARGS)

.PHONY: bench-imports
bench-imports: $(READY)  ## CPU of churn --help and of importing each stage, beside a bare interpreter's start
	@python tests/benchmarks/imports.py $(ARGS)

.PHONY: prove-effect
prove-effect: $(READY)  ## What effects, their looks and the sentences before a campaign promise, on planted campaigns
	@python -W error tests/models/effect/prove_effect.py $(ARGS)
	@python -W error tests/models/effect/prove_uplift.py $(ARGS)

.PHONY: lock
lock: $(READY)  ## Renew requirements.lock from pyproject.toml
	@uv pip compile --system-certs --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  --group dev --quiet pyproject.toml -o requirements.lock
	@$(BIN)/python .ci/renew_graph.py --libraries

.PHONY: graph
graph: $(READY)  ## Renew in dvc.yaml which code each stage depends on, after imports or files changed
	@$(BIN)/python .ci/renew_graph.py

.PHONY: clean
clean:  ## Delete everything the pipeline made (keeps .venv): data, MLflow store, DVC cache
	@rm -rf data/*/ mlflow.db mlartifacts .dvc/cache .dvc/tmp .dvc/storage
