# All that is done here by hand or by CI, one target each. It needs make and Python 3.11 or newer, nothing else:
# .venv is made, and mended when it is stale, before any target that needs it.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

ifeq ($(origin PYTHON), undefined)
PYTHON := python3.13 python3.12 python3.11 python3 python
else
EXACTLY := --exactly
endif

# Python keeps what it compiles, as the image does: the tests start some hundreds of processes, the bench measures starts.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PY := $(BIN)/python
ARGS ?=
WORKERS ?= 4
PYTEST := $(PY) -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal

##@ See it work
.PHONY: demo cluster cluster-down simulator run

demo: venv ## A scale-out on a real API server, end to end (KEEP=1 leaves it up)
	@$(PY) -m demo $(ARGS)

cluster: venv ## Start a Kubernetes API server of our own; prints its kubeconfig and how to use it
	@$(PY) -m devcluster up $(ARGS)

cluster-down: venv ## Stop it
	@$(PY) -m devcluster down $(ARGS)

simulator: venv ## Run the simulated DDM and IAM cloud (ARGS="--help" lists what it can do)
	@$(BIN)/ddm-simulator $(ARGS)

run: venv ## Run the operator against the current kubeconfig
	@$(BIN)/ddm-operator run $(ARGS)

##@ Prove it
.PHONY: test test-unit test-contract test-integration test-e2e check

test: venv ## All tests, some minutes (ARGS="-k name" chooses, WORKERS=0 runs them in one process)
	@$(PYTEST) $(ARGS)

test-unit: venv ## Pure functions and small parts, in seconds
	@$(PYTEST) tests/unit $(ARGS)

test-contract: venv ## Our cloud client and the official SDK against the simulator
	@$(PYTEST) tests/contract $(ARGS)

test-integration: venv ## The cluster's side against a real API server
	@$(PYTEST) tests/integration $(ARGS)

test-e2e: venv ## The operator as its own process, with everything that can go wrong
	@$(PYTEST) tests/e2e $(ARGS)

.PHONY: torture
torture: venv ## 10,000 random schedules of faults, in half an hour (ARGS="--stories 20" takes fewer, ARGS="mutants" breaks the operator on purpose)
	@PYTHONPATH=operator:. $(PY) -m tests.torture $(ARGS)

# Four workers whatever the machine has: most of the time they wait, for a Lease, a job or a settle period.
.PHONY: torture-real
torture-real: venv ## Kill -9 in every window, some 300 times, in a quarter of an hour (ARGS="-k intent" chooses windows)
	@$(PY) -m pytest -p tests.torture.real_report -n 4 --dist worksteal tests/torture/real.py $(ARGS)

.PHONY: bench bench-quick bench-large bench-scale
bench: venv ## What it costs and how fast it is, beside others, in twenty minutes (ARGS="single" measures one row)
	@PYTHONPATH=operator:. $(PY) -m bench $(ARGS)

bench-quick: venv ## The same with few objects, in three minutes: the counts are held to, times are not
	@PYTHONPATH=operator:. $(PY) -m bench --quick $(ARGS)

bench-large: venv ## 50,000 objects at rest
	@PYTHONPATH=operator:. $(PY) -m bench --large $(ARGS)

bench-scale: venv ## What grows with the number of objects, 1,000 to 50,000, in an hour (ARGS="--sizes 1000,5000")
	@PYTHONPATH=operator:. $(PY) -m bench.scale $(ARGS)

.PHONY: bench-failover
bench-failover: venv ## How long nobody works when the leader is killed, stopped or replaced, in seven minutes
	@$(PY) -m pytest -q -s -n 0 bench/failover.py $(ARGS)

.PHONY: test-matrix
test-matrix: venv ## The tests of the resource and of the whole, on an older Kubernetes (builds it once, some minutes)
	@older=$$($(PY) -m devcluster.older) && KUBEBUILDER_ASSETS=$$older $(PYTEST) \
		tests/integration/test_crd_*.py tests/integration/test_kube_*.py tests/integration/test_chart_*.py tests/e2e $(ARGS)

CHECKS := check-format check-lint check-types check-imports check-yaml check-docs check-chart check-image check-audit
check: venv ## Everything but the tests; goes on after a failure, and fails then
	@$(MAKE) --keep-going $(CHECKS)

##@ One by one
.PHONY: $(CHECKS)

check-format: venv ## Formatting (make format mends it)
	$(BIN)/ruff format --check .

check-lint: venv ## Lint
	$(BIN)/ruff check .

check-types: venv ## Types
	$(BIN)/mypy

check-imports: venv ## Import arrows between the packages
	$(BIN)/lint-imports --no-logo

check-yaml: venv ## YAML files
	$(BIN)/yamllint --strict .

check-docs: venv ## Generated documents are what would be generated now
	$(PY) -m tools.configuration --check
	$(PY) -m tools.simulator_docs --check
	$(PY) -m tools.monitoring --check
	$(PY) -m tools.argocd --check
	$(PY) -m tools.numbers --check

check-chart: venv ## The chart's made parts and deploy/ are what would be made now
	$(PY) -m tools.chart --check
	$(PY) -m tools.manifests --check

check-image: venv ## The Dockerfile, by hadolint
	@if [ -x $(BIN)/hadolint ]; then \
		set -x && $(BIN)/hadolint --disable-ignore-pragma --failure-threshold style Dockerfile; \
	else \
		echo "*** SKIPPED: the Dockerfile was not linted: hadolint has no wheel for this machine. ***"; \
	fi

check-audit: venv ## Known vulnerabilities of what the image is made from, where the database can be asked
	$(PY) -m tools.audit

##@ Work on it
.PHONY: format docs snapshots chart manifests lock venv clean

format: venv ## Format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: venv ## Generate docs/configuration.md, the tables of docs/simulator.md, Argo CD's settings, the README's numbers
	$(PY) -m tools.configuration
	$(PY) -m tools.simulator_docs
	$(PY) -m tools.monitoring
	$(PY) -m tools.argocd
	$(PY) -m tools.numbers

snapshots: venv ## Take the snapshots of argocd/ anew, from runs of the operator in virtual time
	@PYTHONPATH=operator:. $(PY) -m tests.gitops $(ARGS)

chart: venv ## Make the chart's copy of the resource, its schema of the settings, its README and its version
	$(PY) -m tools.chart

manifests: chart ## Make deploy/ from the chart (builds helm once)
	$(PY) -m tools.manifests

lock: venv ## Lock the dependencies anew, with hashes (ARGS="--upgrade" takes newer versions)
	$(PY) -m pip install --quiet --upgrade --target build/uv 'uv>=0.13'
	build/uv/bin/uv $(LOCK) pyproject.toml --output-file requirements.lock $(ARGS)
	build/uv/bin/uv $(LOCK) pyproject.toml --group dev --output-file requirements-dev.lock $(ARGS)
	build/uv/bin/uv $(LOCK) --group build --output-file requirements-build.lock $(ARGS)
LOCK := pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet

# The first that really runs: a name on the PATH may belong to a version manager that has no such version.
venv: ## Make or mend .venv (PYTHON=/path/to/python chooses the Python)
	@for python in $(PYTHON); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			exec $$python tools/make_venv.py $(EXACTLY); \
		fi; \
	done; \
	echo "Python 3.11 or newer is needed; none found under: $(PYTHON)" >&2; \
	echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or make PYTHON=/path/to/python3" >&2; \
	exit 1

clean: ## Remove all that was made here, .venv too; the built API server stays in the user's cache folder
	rm -rf .venv .venv.lock .demo build dist operator/*.egg-info .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Publish it
.PHONY: image release release-chart sbom

image: venv ## Build the image with docker, podman or buildah (ARGS="--platform linux/arm64" goes to it)
	@$(PY) -m tools.image $(ARGS)

# A further part of a release is a further target here that writes into dist/.
RELEASE_PARTS := release-chart sbom
release: venv ## Make all that a release consists of, in dist/, with checksums
	@rm -rf dist
	@$(MAKE) $(RELEASE_PARTS)
	@$(PY) -m tools.release --seal

release-chart: venv ## Only the chart's package and the manifests
	@$(PY) -m tools.release

sbom: venv ## Only the bill of materials of what the image installs (CycloneDX)
	@$(PY) -m tools.sbom

##@
.PHONY: help
help:
	@echo "ddm-operator: scales Huawei Cloud DDM instances out, exactly once per declared change."
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
