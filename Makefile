# All that there is to do, on any machine with Python 3.11 or newer. Without make: see README.md.
PYTHON = python3
PORT = 8000

BIN = .venv/bin
READY = .venv/.installed

.PHONY: help book pdf course test test-browser serve clean

help:  ## say what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

book: $(READY)  ## run every chapter, build the site, say where it is
	$(BIN)/jupyter-book build . -W -n --keep-going
	@echo "The book is built. Open _build/html/index.html, or run: make serve"

# Needs Chromium, as test-browser does. A few minutes: the book is printed twice, for its contents.
pdf: $(READY)  ## print the built book as one PDF, and offer it on its pages
	test -d _build/html/book || $(MAKE) book
	$(BIN)/python book/make_pdf.py _build/html

course: $(READY)  ## write the exercises without solutions as notebooks, for a course
	test -d _build/html/book || $(MAKE) book
	$(BIN)/python book/_ext/course.py _build/html _build/course

# One process for each core, a file of tests at a time, and one thread in each.
test: $(READY)  ## run the tests
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

# Needs the book, Chromium (on Debian: apt-get install chromium), and playwright, which it installs.
# What is timed runs by itself, then the rest: each worker a file, or one of the two widths of pages.
test-browser: $(READY)  ## open the built book in Chromium and work its figures
	test -d _build/html/book || $(MAKE) book
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[browser]'
	$(BIN)/python -m pytest -m "browser and timed" tests/browser
	$(BIN)/python -m pytest -m "browser and not timed" -n auto --dist loadscope tests/browser

serve: book  ## build, then show the book on this machine (PORT=8000)
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

clean:  ## remove all that was built, except .venv
	rm -rf _build .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +

# Installed once, and again when what is to be installed has changed.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and \
	'The book needs Python 3.11 or newer. Name one: make PYTHON=python3.12')"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv; the first time this takes a minute or two."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
