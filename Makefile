# make book    builds the course            (DATASET=specimens|photos  PROFILE=full|fast)
# make test    checks everything that CI checks
# make help    lists the rest

# the newest Python that works; a name on the path may be a shim that fails
SERVES  := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON  ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
  $$name -c '$(SERVES)' 2> /dev/null && echo $$name && break; done)
DATASET ?= specimens
PROFILE ?= full
# how many notebooks run side by side
JOBS    ?= 2

# the scripts in .venv/bin name their Python in a first line that not every path fits into
PY      := .venv/bin/python
EDITION := build/$(DATASET)-$(PROFILE)
SOURCES := $(wildcard notebooks/*.md)
EXECUTED := $(SOURCES:notebooks/%.md=$(EDITION)/notebooks/%.ipynb)
LIBRARY := $(shell find insectlib -name '*.py' -o -name '*.sha256' -o -name '*.js' -o -name '*.css' -o -name '*.png')
PAGES   := $(shell find book -type f) $(wildcard insectlib/visualise/*.*s) _config.yml _toc.yml

# a path that the user named, taken from this folder as notebooks run in another; else the second
path = $(if $(filter undefined,$(origin $1)),$2,$(if $(filter-out /%,$(firstword \
  $(value $1))),$(CURDIR)/)$(value $1))
# everything that is drawn, downloaded or trained stays below build/
override INSECTLIB_CACHE := $(call path,INSECTLIB_CACHE,$(CURDIR)/build/cache)
# the real photographs, where they are at hand; without them they are fetched on demand
override INSECTLIB_PHOTOS := $(call path,INSECTLIB_PHOTOS,$(abspath $(wildcard ../shared/data/insects)))
# likewise the pictures of other data sets that some chapters show beside the insects
override INSECTLIB_IMAGENET50 := $(call path,INSECTLIB_IMAGENET50,$(abspath $(wildcard ../shared/data/imagenet50)))
override INSECTLIB_CIFAR10 := $(call path,INSECTLIB_CIFAR10,$(abspath $(wildcard ../shared/data/cifar10_subset.npz)))
override INSECTLIB_FASHION_MNIST := $(call path,INSECTLIB_FASHION_MNIST,$(abspath $(wildcard ../shared/data/fashion_mnist_subset.npz)))
export INSECTLIB_CACHE INSECTLIB_PHOTOS INSECTLIB_IMAGENET50 INSECTLIB_CIFAR10 INSECTLIB_FASHION_MNIST
# what the user has set for other work changes nothing here
unexport PYTHONPATH PYTHONHOME PYTHONOPTIMIZE PYTHONSAFEPATH MPLBACKEND
export MATPLOTLIBRC := /dev/null
export IPYTHONDIR := $(CURDIR)/build/ipython
export KERAS_HOME := $(CURDIR)/build/keras
export KERAS_BACKEND := tensorflow
export PYTHONUTF8 := 1
# the log of TensorFlow's C++ side is of no use to a reader
export TF_CPP_MIN_LOG_LEVEL ?= 3
# of two notebooks side by side, each would have its linear algebra wait for threads of the other
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1
# Python compiles what is imported and keeps it, so pip need not compile everything
export PYTHONDONTWRITEBYTECODE :=

.PHONY: book notebooks test lint unit unit-pages unit-models unit-other photos pair nbval linkcheck bench compatibility faults lab assignments pdf epub release slides serve clean help setup lock
.DELETE_ON_ERROR:

book: .venv/installed ## build the pages
	@$(MAKE) --no-print-directory -j$(JOBS) $(EDITION)/html/index.html
	@echo "The book is built. Open $$PWD/$(EDITION)/html/index.html"

setup: .venv/installed ## make the virtual environment from the lock

.venv/installed: requirements.txt pyproject.toml
	@"$(PYTHON)" -c '$(SERVES)' 2> /dev/null || { echo "No working Python 3.11, 3.12 or 3.13 was found:" \
	  "install one, or name it: make setup PYTHON=/path/to/python" >&2; exit 1; }
	"$(PYTHON)" -m venv --clear .venv
	@$(PY) -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements.txt \
	  || { echo "The packages of requirements.txt could not be installed, see above. 'No matching distribution' or" \
	  "'Retrying' mean that no package index was reached: see to the network. 'make setup' tries again." >&2; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

notebooks: .venv/installed ## execute the notebooks that have changed
	@$(MAKE) --no-print-directory -j$(JOBS) $(EXECUTED)

$(EDITION)/notebooks/%.ipynb: notebooks/%.md $(LIBRARY) tools/execute.py requirements.txt | .venv/installed
	$(PY) -m tools.execute $< $@ --dataset $(DATASET) --profile $(PROFILE)

# The first chapter draws or fetches the pictures and the second trains the network: the later
# ones wait for them, so that nothing is made twice. Each can still run alone, and the tenth trains
# networks of its own, on specimens of its own.
FIRST := 00_specimens 01_data $(if $(filter specimens,$(DATASET)),10_clever_hans)
SECOND := $(FIRST) 02_cnn 10_clever_hans
$(filter-out $(FIRST:%=$(EDITION)/notebooks/%.ipynb),$(EXECUTED)): | $(EDITION)/notebooks/01_data.ipynb
$(filter-out $(SECOND:%=$(EDITION)/notebooks/%.ipynb),$(EXECUTED)): | $(EDITION)/notebooks/02_cnn.ipynb

# the libraries that the lab in the page computes with, by the hashes of their lock
build/lab/installed.json: book/lab/package-lock.json | .venv/installed
	$(PY) -m tools.lab

$(EDITION)/html/index.html: build/lab/installed.json $(EXECUTED) $(PAGES) $(addprefix tools/,pages.py stage.py cards.py \
  claims.py exercises.py distribute.py lab.py lab_networks.py)
	$(PY) -m tools.pages $(EDITION)

test: lint ## check everything that CI checks
	$(MAKE) book PROFILE=fast DATASET=specimens
	$(MAKE) nbval
	$(MAKE) -j$(JOBS) unit photos # one waits while another computes

lint: .venv/installed ## style, types and spelling
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m codespell_lib

# in three parts, the longest first: who of two cores is done takes the next. What has no part yet is
# in the last
unit: unit-pages unit-models unit-other ## the tests of the package and of the built pages

unit-pages: PART := tests/course
unit-models: PART := tests/explain tests/evaluate tests/models
unit-other: PART := $(filter-out tests/course tests/explain tests/evaluate tests/models tests/__pycache__,\
  $(patsubst %/,%,$(wildcard tests/*/)))
unit-pages unit-models unit-other: .venv/installed
	$(PY) -m pytest $(PART)

nbval: ## compare the committed outputs of the notebooks with those that papermill gets
	$(MAKE) notebooks PROFILE=fast DATASET=specimens
	$(PY) -m pytest -p tools.replay --executed build/specimens-fast/notebooks --nbval-lax notebooks

ifneq ($(INSECTLIB_PHOTOS),)
photos: ## execute all notebooks on the photographs
	$(MAKE) notebooks PROFILE=fast DATASET=photos
else
photos:
	@echo "The photographs are not at hand (INSECTLIB_PHOTOS names no folder): notebooks not executed on them."
endif

pair: ## write the committed .ipynb from the chapters' text and their executed outputs
	$(MAKE) notebooks PROFILE=fast DATASET=specimens
	$(PY) -m tools.pair build/specimens-fast/notebooks

linkcheck: .venv/installed ## open every link of the pages
	$(MAKE) notebooks PROFILE=fast
	$(PY) -m tools.stage build/specimens-fast
	$(PY) .venv/bin/jupyter-book build --builder linkcheck --path-output build/linkcheck build/specimens-fast/source

lab: .venv/installed ## open the chapters in JupyterLab
	$(PY) -m jupyterlab --ServerApp.root_dir="$$PWD" --LabApp.default_url=/lab/tree/notebooks

assignments: .venv/installed ## make the assignments, for teacher and students, in build/assignments
	$(PY) -m tools.assignments build/assignments

pdf: book ## print the built book to one file
	$(PY) -m tools.pdf $(EDITION)

epub: book ## pack the built book into one EPUB
	$(PY) -m tools.epub $(EDITION)

release: book ## put PDF, EPUB, slides and an archive beside the built pages
	$(PY) -m tools.release $(EDITION)

slides: book ## make slides of the built book
	$(PY) -m tools.slides $(EDITION)

serve: ## show the built book at http://localhost:8000
	$(PY) -m http.server --directory $(EDITION)/html 8000

# other tools take part where they are installed: BENCH_PYTHON may name a Python that has them
BENCH_PYTHON ?= $(PY)

bench: .venv/installed ## measure speed beside other tools, and write the page of benchmarks
	$(BENCH_PYTHON) -m bench.table

compatibility: .venv/installed ## ask every explainer for every kind of model, and write the page about it
	$(PY) -m bench.compatibility

faults: .venv/installed ## kill, damage and fill up what can be, and write the page about it
	$(PY) -m bench.faults.table

lock: ## write the lock anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra book --extra cluster --extra flax --extra lab --extra teach --extra test --universal \
	  --python-version 3.11 --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements.txt

clean: ## remove all that was built, also what was drawn and trained
	rm -rf build

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' Makefile
