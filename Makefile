# SPDX-License-Identifier: MIT
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python

# What building and testing need from Debian or Ubuntu.
PACKAGES = build-essential pkg-config libffi-dev python3-dev python3-venv libsqlite3-0
TEST_PACKAGES = $(PACKAGES) binutils clang gdb gir1.2-glib-2.0 golang-go guile-3.0 libcairo2 \
                $(foreach cpu,arm64 armhf i386 mips64el ppc64el riscv64 s390x,libc6-dev-$(cpu)-cross) \
                libclang-rt-dev libffi-platypus-perl liblua5.4-dev lua5.4 luajit mandoc meson \
                ninja-build patchelf php-cli python3-cffi-backend python3-gi python3-openssl ruby \
                rustc strace util-linux valgrind

SOURCES = setup.py pyproject.toml cbackend/hardening.txt tools/core_sources.py \
          $(wildcard cbackend/*flags*.txt cbackend/*.map cbackend/sources/*.txt cbackend/arch/*/*.txt) \
          $(shell find cbackend src/trampfd/_native -name '*.[chS]')

# Files that `make fmt` formats and `make lint` checks.
PYTHON_FILES = src tests tests/vm/run benchmarks packaging/cross tools tools/check-docs setup.py docs/conf.py docs/_ext
C_FILES = $(shell find cbackend src/trampfd/_native tests benchmarks -name '*.[ch]')
SHELL_FILES = $(shell grep -rlE '^\#!.*[/ ](ba)?sh\b' $(wildcard .ci) cbackend/kmod packaging tests tools)

help:
	@echo 'make demo     set up, then show ctypes and cffi callbacks under hardening, stock and trampfd'
	@echo 'make test     set up, then run all tests'
	@echo 'make build    virtual environment in $(VENV) with the package, from this folder'
	@echo 'make bench    set up, then measure trampfd and its rivals; plots and tables in build/bench'
	@echo 'make figures  the same for the documentation; on a quiet machine'
	@echo 'make attacks  what stores by an attacker do to closures; for the documentation'
	@echo 'make modes    the ways in which closures fail, with libffi and trampfd; for the documentation'
	@echo 'make doctor   what trampfd can do on this machine'
	@echo 'make docs     the documentation site in build/docs; check-docs looks at it in Chromium'
	@echo 'make man      check the manual pages, and format them in build/man'
	@echo 'make lint     style, types, spelling and licences'
	@echo 'make fmt      format the C and Python files'
	@echo 'make asan     C tests, and callbacks of Python, with the sanitizers of addresses and of undefined'
	@echo '              behaviour; tsan: C tests with that of threads; valgrind: under valgrind'
	@echo 'make fuzz     random inputs, signatures and sequences of operations; FUZZ_SECONDS (600) for each'
	@echo 'make soak     ten million live closures, and a million others beside them, in threads and forks'
	@echo 'make vm       all tests here, then in virtual machines with the kernel module (KERNEL=6.1, 6.12'
	@echo '              or sid), once with each provider; takes an hour, vm-short minutes'
	@echo 'make deb      Debian packages of this checkout in build/debian; on Debian and Ubuntu'
	@echo 'make rpm      RPM packages in build/rpm'
	@echo 'make wheel    source distribution and manylinux wheel in dist'
	@echo 'make wheels   wheels for glibc and musl, x86-64 and AArch64, and each CPython, in dist'
	@echo 'make matrix   all tests on Debian trixie and sid with CPython 3.13 to 3.15, one without a GIL,'
	@echo '              the module on three kernels, packages; takes long'
	@echo 'make ports    the tests of the ports to other CPUs, emulated by QEMU, and a table of how they went'
	@echo 'make instructions  how many of them a call takes, here and on emulated CPUs, for the documentation'
	@echo 'make clean    remove what the other targets made'
	@echo
	@echo 'PYTHON=python3.13 and VENV=folder choose another Python and another place.'

demo: $(VENV)/.demo
	$(RUN) -m trampfd demo

# Files of tests in two processes at a time: the longest parts wait rather than compute.
test: $(VENV)/.test
	$(RUN) -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

bench: $(VENV)/.test
	$(RUN) -m trampfd bench $(BENCH_ARGS)

# Those of the documentation; on a machine that has nothing else to do.
figures: $(VENV)/.test
	$(RUN) -m trampfd bench --output benchmarks/figures
	$(RUN) benchmarks/write_targets.py

modes: $(VENV)/.test
	$(RUN) tests/write_failure_modes.py

attacks: $(VENV)/.test
	$(RUN) tests/write_attacks.py

doctor: build
	$(RUN) -m trampfd doctor

lint: $(VENV)/.lint
	$(RUN) -m ruff check $(PYTHON_FILES)
	$(RUN) -m ruff format --check $(PYTHON_FILES)
	$(RUN) -m mypy
	@echo '$(VENV)/bin/clang-format --dry-run'; $(VENV)/bin/clang-format --dry-run -Werror $(C_FILES)
	$(VENV)/bin/shellcheck $(SHELL_FILES)
	$(VENV)/bin/codespell
	@if $(RUN) -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then \
		echo '$(RUN) -m reuse lint --lines' && $(RUN) -m reuse lint --lines; \
	else echo 'Not checked: licences of all files; reuse needs Python 3.10'; fi

fmt: $(VENV)/.lint
	$(RUN) -m ruff check --fix $(PYTHON_FILES)
	$(RUN) -m ruff format $(PYTHON_FILES)
	@echo '$(VENV)/bin/clang-format -i'; $(VENV)/bin/clang-format -i $(C_FILES)

# The files with tests under sanitizers or valgrind.
CHECKED = $(shell grep -lE 'sanitize|valgrind' tests/test_*.py)

# One test for both: the two sanitizers work together.
asan ubsan: address-undefined

# Tests that make callbacks, for an extension that is compiled for the sanitizers; but those that
# preload a library of their own.
SANITIZED = argument_reuse cffi ctypes debug finalize install reserve stateful \
            subinterpreters threads

address-undefined: $(VENV)/.test
	$(RUN) -m pytest $(CHECKED) -k 'address_and_undefined or under_sanitizers' $(PYTEST_ARGS)
	$(RUN) tests/sanitized.py $(SANITIZED:%=tests/test_%.py) -k 'not no_kept_state' $(PYTEST_ARGS)

tsan: $(VENV)/.test
	$(RUN) -m pytest $(CHECKED) -k 'test_thread or thread_sanitizer' $(PYTEST_ARGS)

valgrind: $(VENV)/.test
	$(RUN) -m pytest $(CHECKED) -k valgrind $(PYTEST_ARGS)

# So long for each target; and what takes about as long of signatures and of sequences of operations.
FUZZ_SECONDS = 600
fuzz: $(VENV)/.test
	$(RUN) tests/fuzz.py --seconds $(FUZZ_SECONDS)
	$(RUN) tests/fuzz_plan.py --seed "$$(date +%s)" --count $$((100 * $(FUZZ_SECONDS)))
	TRAMPFD_SEQUENCES=$(FUZZ_SECONDS) $(RUN) -m pytest tests/test_stateful.py
	TRAMPFD_EXAMPLES=$$((10 * $(FUZZ_SECONDS))) $(RUN) -m pytest tests/test_parsers.py

# Ten million live closures take 1 GB of memory.
SOAK_ARGS =
soak: $(VENV)/.test
	$(RUN) tests/soak.py $(SOAK_ARGS)

MANUAL = $(wildcard docs/man/*.[1-9])
man: $(MANUAL:docs/man/%=build/man/%.html)

build/man/%.html: docs/man/%
	@tools/install-deps mandoc
	@mkdir -p $(@D)
	mandoc -T lint -W warning $<
	mandoc -T html -O man=%N.%S.html $< > $@

docs: $(VENV)/.docs
	rm -rf build/docs
	$(RUN) -m sphinx --fresh-env --nitpicky --fail-on-warning --keep-going --quiet \
		--doctree-dir build/doctrees docs build/docs
	$(RUN) tools/check_links.py build/docs
	@echo 'The site is in build/docs/index.html'

# Chromium is large, so that `make docs` does without it.
check-docs: docs
	tools/install-deps chromium fonts-dejavu-core
	$(RUN) -m pip install --quiet playwright
	$(RUN) tools/check-docs

build: $(VENV)/.build

$(VENV)/bin/python:
	tools/install-deps $(PACKAGES)
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip

$(VENV)/.build: $(VENV)/bin/python $(SOURCES)
	$(RUN) -m pip install --quiet --editable .
	touch $@

$(VENV)/.demo: $(VENV)/.build
	$(RUN) -m pip install --quiet --editable '.[demo]'
	touch $@

TEST_REQUIREMENTS = --editable '.[demo,test,bench,lint]'
$(VENV)/.test: $(VENV)/.build
	tools/install-deps $(TEST_PACKAGES)
	$(RUN) -m pip install --quiet $(TEST_REQUIREMENTS)
	touch $@

$(VENV)/.lint: $(VENV)/.build
	$(RUN) -m pip install --quiet --editable '.[test,bench,lint]'
	touch $@

$(VENV)/.docs: $(VENV)/.build
	$(RUN) -m pip install --quiet --editable '.[docs]'
	touch $@

KERNEL = 6.12
PARTS =
vm: test
	tests/vm/suite $(KERNEL) $(abspath $(RUN)) $(PARTS)

vm-short: $(VENV)/.test
	tests/vm/suite $(KERNEL) $(abspath $(RUN)) short

deb:
	packaging/build-deb

rpm:
	packaging/build-rpm

wheel: $(VENV)/bin/python
	packaging/build-wheel dist $(abspath $(RUN))

wheels: $(VENV)/bin/python
	PYTHON=$(abspath $(RUN)) packaging/build-wheels dist

RELEASES = trixie trixie:python3.13t sid sid:python3.15
PACKAGED = bookworm trixie sid
KERNELS = 6.1 6.12 sid
matrix: test
	tools/test-matrix '$(RELEASES)' '$(KERNELS)' '$(PACKAGED)' '$(PORTS)' $(abspath $(RUN))

# PYTEST_ARGS chooses other tests than those that depend on the CPU.
PORTS = $(shell cut -d ' ' -f 1 tools/ports.txt)
ports: $(VENV)/.test
	tools/test-ports '$(PORTS)' $(PYTEST_ARGS); status=$$?; $(RUN) tests/write_ports.py && exit $$status

# On this CPU by valgrind, on the others that have plans by the emulator.
COUNTED = aarch64 riscv64
instructions: $(VENV)/.test
	$(RUN) tests/write_instructions.py
	mkdir -p build
	for cpu in $(COUNTED); do \
		tools/count-emulated $$cpu build/instructions.json && \
		$(RUN) tests/write_instructions.py --add build/instructions.json || exit; done

clean:
	rm -rf $(VENV) build dist src/*.egg-info src/trampfd/*.so

.PHONY: help demo test bench figures modes attacks doctor lint fmt asan ubsan address-undefined tsan valgrind fuzz soak man docs check-docs build vm vm-short deb rpm wheel wheels matrix ports instructions clean
