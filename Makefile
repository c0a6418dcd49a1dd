# The project's commands; `make help` lists them.
CARGO ?= cargo
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
export GYRE_SERVER ?= $(RELEASE)/gyre-server
# Where `make install` puts things; DESTDIR stands before all of it, for packages.
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
CONFDIR ?= /etc/gyre
UNITDIR ?= /etc/systemd/system
# The names the one binary answers to (argv[0]), as links beside it.
NAMES := redis-server redis-check-rdb redis-check-aof gyre-check-rdb gyre-check-aof

.PHONY: build run install uninstall test compat bench pauses differ differential fuzz fuzz-inside simulate kill9 exchange verdicts valgrind clients install-links clean help
.DEFAULT_GOAL := build

build: ## build the release binary, with its other names as links beside it
	$(CARGO) build --release
	@$(MAKE) --no-print-directory install-links

install-links:
	@for name in $(NAMES); do ln -sf gyre-server $(RELEASE)/$$name; done

run: build ## build and start a server on port 6379 (ARGS="..." adds arguments)
	$(RELEASE)/gyre-server --port 6379 $(ARGS)

install: ## install what `make build` made: binary, man page, systemd unit, a configuration (PREFIX, DESTDIR)
	@test -x $(RELEASE)/gyre-server || { echo "make build first" >&2; exit 1; }
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(CONFDIR) $(DESTDIR)$(UNITDIR)
	install -m 755 $(RELEASE)/gyre-server $(DESTDIR)$(BINDIR)/gyre-server
	@for name in gyre-check-rdb gyre-check-aof; do ln -sf gyre-server $(DESTDIR)$(BINDIR)/$$name; done
	install -m 644 docs/gyre-server.1 $(DESTDIR)$(MANDIR)/man1/gyre-server.1
	sed -e 's|@BINDIR@|$(BINDIR)|' -e 's|@CONFDIR@|$(CONFDIR)|' scripts/packaging/gyre.service > $(DESTDIR)$(UNITDIR)/gyre.service
	@test -e $(DESTDIR)$(CONFDIR)/gyre.conf || install -m 644 scripts/packaging/gyre.conf $(DESTDIR)$(CONFDIR)/gyre.conf

uninstall: ## remove what `make install` put there, but for the configuration and the data
	rm -f $(DESTDIR)$(BINDIR)/gyre-server $(DESTDIR)$(BINDIR)/gyre-check-rdb $(DESTDIR)$(BINDIR)/gyre-check-aof
	rm -f $(DESTDIR)$(MANDIR)/man1/gyre-server.1 $(DESTDIR)$(UNITDIR)/gyre.service

test: ## formatting, clippy with warnings as errors, then every unit, engine and black-box test
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	@if $(CARGO) nextest --version >/dev/null 2>&1; then $(CARGO) nextest run --all-targets --no-fail-fast; \
	else $(CARGO) test --all-targets --no-fail-fast; fi

compat: build ## the Tcl suite of Redis 8.0.6, file by file, against the list of exceptions (ARGS="--accurate --files unit/type": randomized tests for longer)
	scripts/compat.py $(ARGS)

bench: build ## Gyre and its peers in turn: CPU per request, memory, SAVE and load, expiry (an hour; ARGS="--quick")
	scripts/peers.sh servers
	scripts/bench.py $(ARGS)

pauses: build ## the longest PING while keys grow, expire and are deleted
	scripts/peers.sh servers
	scripts/pauses.py $(ARGS)

ROUNDS ?= 10
SEEDS ?= 1
SEED ?= 1
SECONDS ?= 300
differ differential: build ## random commands to Redis 8.0.6 and to Gyre, all compared (SEEDS=1,2 SECONDS=600 a seed)
	scripts/peers.sh servers
	scripts/differential.py --seeds $(SEEDS) --total $(SECONDS) $(ARGS)

fuzz: build ## broken requests, payloads and dumps: the server must live (ARGS="--seed 7 --seconds 600")
	scripts/fuzz.py $(ARGS)

fuzz-inside: ## the parsers from within, guided by coverage (SECONDS=600 for each target, SEED=7, TARGET=dumps for one)
	RUSTFLAGS="-C instrument-coverage --cfg fuzz_coverage" CARGO_TARGET_DIR=target/fuzz LLVM_PROFILE_FILE=/dev/null \
	GYRE_FUZZ_SECONDS=$(SECONDS) GYRE_FUZZ_SEED=$(SEED) $(CARGO) test --test fuzz -- --nocapture --test-threads 1 $(TARGET)

simulate: ## crashes on a disk in memory (SEEDS=10000 seeds of four crashes each; SEED=17 replays one)
	GYRE_SIMULATION_SEEDS=$(if $(filter command% environment%,$(origin SEEDS)),$(SEEDS),2500) GYRE_SIMULATION_SEED=$(if $(filter command% environment%,$(origin SEED)),$(SEED)) \
	$(CARGO) test --test engine crashes -- --nocapture

kill9: build ## SIGKILL in the middle of writes, rewrites and snapshots; what was acknowledged must be there (ROUNDS=100 of each policy)
	scripts/kill9.py --rounds $(ROUNDS) $(ARGS)
	scripts/kill9.py --spoil --policies always --rounds 3

exchange: build ## dumps and append-only files between servers, both ways, compared to the last element (ARGS="--peers redis80")
	scripts/peers.sh servers
	scripts/peers.sh older
	scripts/exchange.py $(ARGS)

verdicts: build ## damaged files, byte by byte, before our checkers and those of Redis 8.0.6
	scripts/peers.sh servers
	scripts/verdicts.py $(ARGS)

valgrind: ## the model tests of what uses `unsafe`, under valgrind (ARGS names modules)
	scripts/valgrind.sh $(ARGS)

clients: build ## real client libraries against the server
	scripts/clients.sh $(ARGS)

clean: ## remove what was built (downloads under .cache stay)
	$(CARGO) clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
