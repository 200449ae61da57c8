# make pipeline [RECIPE=configs/quickstart] [RUNS=runs] [DEVICES=4] [ACCELERATOR=cuda] [FAISS=gpu|cpu]   make test   make lint   make weights   make claims [FULL=1]
PYTHON ?= python3
RECIPE ?= configs/quickstart
RUNS ?= runs
# Both faiss packages own the module faiss. What is installed stays (a login node has no driver, and shares the
# environment with nodes that have); else it goes by whether an NVIDIA driver is there.
FAISS ?= $(or $(patsubst .venv/installed-%,%,$(wildcard .venv/installed-*)),$(if $(wildcard /proc/driver/nvidia/version),gpu,cpu))
BIN := .venv/bin
READY := .venv/installed-$(FAISS)

.PHONY: pipeline board rows claims benchmarks plan weights test test-slow test-gpu test-slurm reliability mutants costs lint install clean

pipeline: $(READY)
	exec env SMALTI_END_WITH_PARENT=$$PPID $(BIN)/python -m pipeline run "$(RECIPE)" --runs "$(RUNS)" $(if $(DEVICES),--devices $(DEVICES)) $(if $(ACCELERATOR),--accelerator $(ACCELERATOR)) $(SET)

# TensorBoard on all stages of the recipe.
board: $(READY)
	exec $(BIN)/python -m pipeline board "$(RECIPE)" --runs "$(RUNS)"

plan: $(READY)
	$(BIN)/python -m pipeline plan "$(RECIPE)" --runs "$(RUNS)"

weights: $(READY)
	$(BIN)/python stages/commands/fetch_weights.py "$(RECIPE)"

# Tests start processes of their own, whose imports take one core: two test processes, one thread each. A file's tests
# stay together: they share what was expensive, and there is one SLURM.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: $(READY)
	$(PYTEST) -m "not slow and not gpu and not reliability"

test-gpu: $(READY)
	$(BIN)/python -m pytest -m gpu

# Every method's small recipe, one after another: about 45 minutes on 2 cores.
rows: $(READY)
	for recipe in configs/small/*/; do $(BIN)/python -m pipeline run "$$recipe" --runs "$(RUNS)" || exit 1; done

# The papers' claims by short trainings, into docs/claims.md and its chart: at most 90 minutes on 2 idle cores. The same
# command goes on. FULL=1 trains six times as long, with more seeds and variants: 19 hours. CLAIMS="alpha usage" tries these.
claims: $(READY)
	exec env SMALTI_END_WITH_PARENT=$$PPID $(BIN)/python -m pipeline claims $(CLAIMS) --runs "$(RUNS)" $(if $(FULL),--full)

# Measurements beside peers, about ten minutes on an idle machine.
benchmarks: $(READY)
	for name in search entropy cross_entropy kmeans decoding evaluation scoring tokens images training; do $(BIN)/python -m benchmarks.$$name || exit 1; done

# A real SLURM of one node, from Debian's packages; needs root.
test-slurm: $(READY)
	SMALTI_SLURM=required $(BIN)/python -m pytest -m "not reliability" tests/slurm

# What docs/reliability.md reports: kills, resumes, ranks, SLURM, damaged and hostile files; an hour and a half. The same
# command goes on with what has not passed yet.
reliability: $(READY)
	SMALTI_SLURM=required $(PYTEST) --figures=docs/reliability.md \
	tests/reliability tests/slurm tests/stages/commands/test_data.py tests/test_hostile.py \
	tests/pipeline/test_launcher.py tests/pipeline/test_lightning_run.py

# Single faults in the code, and the share of them that a test notices, into docs/reliability.md: half an hour.
mutants: $(READY)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[mutants]"
	OMP_NUM_THREADS=1 $(BIN)/python tests/reliability/mutants.py --figures docs/reliability.md

# docs/cost.md: what the papers' recipes take.
PAPERS := imagenet256/seqgan imagenet256/seqgan_large imagenet256/vqgan_lc imagenet256/fqgan_dual imagenet256/fqgan_triple
costs: $(READY)
	{ echo "# Cost of the papers' recipes"; echo; echo "By \`make costs\`: A100 of 312 TFLOPS (bfloat16) at 35 % of it. Estimates, good to a factor of two. Stages that train nothing: for a million images."; \
	for recipe in $(PAPERS); do echo; echo "## $$recipe"; echo; $(BIN)/python -m pipeline cost configs/$$recipe || exit 1; done; } > docs/cost.md

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(READY)

$(READY): pyproject.toml constraints.txt pipeline/install.py
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	rm -f .venv/installed-*
	$(BIN)/python -m pip uninstall -q -y faiss-cpu faiss-gpu
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[train,$(FAISS),dev]"
	$(BIN)/python pipeline/install.py
	touch $@

clean:
	rm -rf .venv *.egg-info
