# Everything a newcomer types. `make` alone lists the targets; README.md tells the rest.

BIN := .venv/bin
# the first Python that is new enough; PYTHON=… names another
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done)
LOCALWORLD := PYTHONPATH=deploy/local $(BIN)/python -m
CHART := helm/aws-load-balancer-controller
COMPILE := $(BIN)/uv pip compile --generate-hashes --no-header --no-annotate --python-version 3.11 --universal

.DEFAULT_GOAL := help
.PHONY: help demo demo-stop test explore docs tools tools-path venv lint chart lock clean check-python

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \2/p' $(firstword $(MAKEFILE_LIST)) | awk '{ printf "  %-4s %-11s", $$1, $$2; $$1 = $$2 = ""; print $$0 }'

demo: venv ## show the controller at work on this machine (KEEP=1 leaves it running)
	@$(LOCALWORLD) localworld.demo $(if $(filter-out 0,$(KEEP)),--keep)

demo-stop: venv ## stop a demo that was left running
	@$(LOCALWORLD) localworld.demo --stop

test: venv tools ## run all tests (ARGS="-k words" or paths for some)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

explore: venv ## try other examples in the property tests, and many more (EXPLORE=times)
	@EXPLORE=$(or $(EXPLORE),20) $(BIN)/python -m pytest -n 2 --timeout=0 $(or $(ARGS),tests/properties)

tools: check-python ## get the control plane's binaries and helm: PATH, cache, download, or a build (once)
	@folders=$$($(PYTHON) deploy/local/localworld/tools.py) && echo "The binaries are in $$folders."

tools-path: check-python ## print the folders of those binaries as PATH has them, and nothing else
	@$(PYTHON) deploy/local/localworld/tools.py

venv: .venv/.installed ## make .venv from requirements-dev.lock

lint: venv ## ruff, mypy, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: venv ## write the reference pages from the tables of annotations and flags
	@for page in service-annotations:intent.service_reference ingress-annotations:intent.ingress_reference \
		ingress-class-params:intent.class_params_reference configuration:settings.reference; do \
		$(BIN)/python -m aws_lb_controller.$${page#*:} >docs/$${page%:*}.md.new && \
		mv docs/$${page%:*}.md.new docs/$${page%:*}.md || exit 1; \
	done

chart: ## copy the CRDs, the RBAC rules and the webhooks into the Helm chart
	@rm -f $(CHART)/crds/*.yaml
	@cd crds && for file in *.yaml; do (echo ---; cat "$$file") >../$(CHART)/crds/"$$file"; done # `helm show crds` of Helm 3 joins them as they are
	@cp deploy/base/rbac.yaml deploy/base/webhooks.yaml $(CHART)/files/

lock: venv ## write all lock files anew, from pyproject.toml and the lists in deploy/
	@$(COMPILE) -q -o requirements.lock pyproject.toml
	@$(COMPILE) -q --extra dev -o requirements-dev.lock pyproject.toml
	@$(COMPILE) -q -o deploy/image/requirements-build.lock deploy/image/requirements-build.in
	@$(COMPILE) -q -c requirements-dev.lock -o deploy/kind/requirements.lock deploy/kind/requirements.in

clean: ## stop a demo and delete all that was made here (the cached binaries stay)
	@if [ -f .demo/state.json ] && [ -x $(BIN)/python ]; then $(LOCALWORLD) localworld.demo --stop; fi
	rm -rf .venv .demo build operator/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# the lock decides: whenever it changes, the environment is made anew, and half-made ones are not taken for whole
.venv/.installed: requirements-dev.lock | check-python
	@echo "Installing Python packages into .venv (once, and when the lock changes) …"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

check-python:
	@[ -n "$(PYTHON)" ] || { echo "error: Python 3.11 or newer is needed and none was found; install it (https://www.python.org/downloads or your system's packages) or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is not Python 3.11 or newer" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) has no venv module; install it (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
