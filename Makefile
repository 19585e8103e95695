# saltk8s: `make help` says what there is.
PYTHON ?= /usr/bin/python3
CACHE  := $(or $(SALTK8S_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/saltk8s)
STEPS  := $(PYTHON) tests/support/steps.py
VENV   := $(CACHE)/venv-3008
export PATH := $(PATH):/usr/local/go/bin
.DEFAULT_GOAL := help
.PHONY: help test lint unit functional docs check programs lab lab-down lab-status e2e e2e-life bench mutation wheel clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

test: ## lint, unit and functional tests on Salt 3008 and 3006; installs what it needs
	@$(STEPS) prepare lint unit programs functional $(if $(ARGS),-- $(ARGS))

lint: ## ruff, its format, mypy, direction of imports, yamllint, salt-lint (ARGS=mypy for one of them)
	@$(STEPS) prepare lint $(if $(ARGS),-- $(ARGS))

unit: ## unit tests, on both Salt lines where they import Salt (ARGS='-k word' for some of them)
	@$(STEPS) prepare unit $(if $(ARGS),-- $(ARGS))

functional: ## functional tests on both Salt lines: real master, minions, API server, vCenter simulator
	@$(STEPS) prepare programs functional $(if $(ARGS),-- $(ARGS))

docs: ## write docs/pillar.md from the schema, docs/reference from the docstrings
	@$(STEPS) prepare --line 3008
	@PYTHONPATH=salt/_utils $(VENV)/bin/python -m saltk8s docs > docs/pillar.md.new && mv docs/pillar.md.new docs/pillar.md
	@$(VENV)/bin/python tests/support/reference.py

check: ## check the example's pillar (PILLAR=folder for yours)
	@$(STEPS) prepare --line 3008
	@PYTHONPATH=salt/_utils $(VENV)/bin/python -m saltk8s check $(or $(PILLAR),pillar.example)

wheel: ## build the wheel into dist/
	@$(STEPS) prepare --line 3008
	@mkdir -p build/logs && rm -rf build/lib dist
	@$(VENV)/bin/python -m build --wheel --no-isolation --outdir dist . > build/logs/wheel.log && ls dist/*.whl

programs: ## build the programs of the tests and of the lab: most of an hour on 2 cores, the first time
	@$(STEPS) prepare --line 3008
	@cd lab && $(PYTHON) -m labkit.gobuild

lab: ## the whole platform on this machine, until the cluster runs (PROFILE=ha: three control planes)
	@cd lab && $(PYTHON) -m labkit up $(if $(PROFILE),--profile $(PROFILE))

lab-down: ## take the lab away (what was built stays in the cache)
	@cd lab && $(PYTHON) -m labkit down

lab-status: ## what of the lab runs
	@cd lab && $(PYTHON) -m labkit status

e2e: ## end-to-end tests on the running lab
	@$(STEPS) prepare --line 3008
	@$(VENV)/bin/pytest -q --durations=10 tests/e2e $(ARGS)

e2e-life: ## end-to-end tests that change the lab's machines, many minutes; CI leaves them out
	@$(STEPS) prepare --line 3008
	@$(VENV)/bin/pytest -q --durations=10 --life tests/e2e $(ARGS)

bench: ## measure objects against other tools, and the lab when it is up; build/bench.json (MANIFESTS=FILE for yours)
	@$(STEPS) prepare --line 3008
	@$(VENV)/bin/python tests/bench/run.py $(if $(MANIFESTS),--manifests '$(MANIFESTS)') $(ARGS)

mutation: ## break the comparison on purpose, in one way after the other: a test has to catch each (ARGS=--unit: the fast ones)
	@$(STEPS) prepare programs
	@$(VENV)/bin/python tests/mutation/run.py $(ARGS)

clean: ## remove what builds left in the tree
	@rm -rf build dist *.egg-info salt/_utils/*.egg-info .pytest_cache .ruff_cache .hypothesis
