PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
RUN = $(VENV)/bin
PIP = $(RUN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt

.PHONY: demo test check site bench mini techniques clean

demo: $(VENV)/.core
	$(RUN)/jielong demo

test: $(VENV)/.all
	OMP_NUM_THREADS=1 $(RUN)/pytest -n 2

check: $(VENV)/.all
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy

site: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build --strict --quiet
	$(RUN)/python scripts/check_site.py build/site

bench: $(VENV)/.all
	$(RUN)/python benchmarks/startup.py
	$(RUN)/python benchmarks/calls.py
	$(RUN)/python benchmarks/ledger.py
	$(RUN)/python benchmarks/mini.py
	$(RUN)/python benchmarks/loop.py
	$(RUN)/python benchmarks/resume.py

mini: $(VENV)/.all
	OMP_WAIT_POLICY=passive $(RUN)/jielong train pretrain scripts/mini.toml
	OMP_WAIT_POLICY=passive $(RUN)/jielong train finetune scripts/mini_late.toml
	$(RUN)/python scripts/mini.py build/mini

techniques: $(VENV)/.core
	$(RUN)/python scripts/measure_techniques.py

$(VENV)/.core: pyproject.toml constraints.txt
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/.docs: $(VENV)/.core
	$(PIP) -e '.[docs]'
	touch $@

# torch first and by its exact version: a later wish for any torch would bring several gigabytes of CUDA
$(VENV)/.all: $(VENV)/.core
	$(PIP) torch==2.13.0
	$(PIP) -e '.[local,fast,train,data,rag,text,tools,otel,dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist
