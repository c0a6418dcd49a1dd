# The project's commands; `make help` lists them.
CARGO ?= cargo
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
export GYRE_SERVER ?= $(RELEASE)/gyre-server
# The names the one binary answers to (argv[0]), as links beside it.
NAMES := redis-server redis-check-rdb redis-check-aof gyre-check-rdb gyre-check-aof

.PHONY: build run test compat bench pauses differ differential fuzz valgrind clients install-links clean help
.DEFAULT_GOAL := build

build: ## build the release binary, with its other names as links beside it
	$(CARGO) build --release
	@$(MAKE) --no-print-directory install-links

install-links:
	@for name in $(NAMES); do ln -sf gyre-server $(RELEASE)/$$name; done

run: build ## build and start a server on port 6379 (ARGS="..." adds arguments)
	$(RELEASE)/gyre-server --port 6379 $(ARGS)

test: ## formatting, clippy with warnings as errors, then every unit, engine and black-box test
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	@if $(CARGO) nextest --version >/dev/null 2>&1; then $(CARGO) nextest run --all-targets --no-fail-fast; \
	else $(CARGO) test --all-targets --no-fail-fast; fi

compat: build ## the Tcl suite of Redis 8.0.6, file by file, against the list of exceptions
	scripts/compat.py $(ARGS)

bench: build ## Gyre and its peers in turn: CPU per request, memory, SAVE and load, expiry (an hour; ARGS="--quick")
	scripts/peers.sh servers
	scripts/bench.py $(ARGS)

pauses: build ## the longest PING while keys grow, expire and are deleted
	scripts/peers.sh servers
	scripts/pauses.py $(ARGS)

SEEDS ?= 1
SECONDS ?= 300
differ differential: build ## random commands to Redis 8.0.6 and to Gyre, all compared (SEEDS=1,2 SECONDS=600 a seed)
	scripts/peers.sh servers
	scripts/differential.py --seeds $(SEEDS) --total $(SECONDS) $(ARGS)

fuzz: build ## broken requests, payloads and dumps: the server must live (ARGS="--seed 7 --seconds 600")
	scripts/fuzz.py $(ARGS)

valgrind: ## the model tests of what uses `unsafe`, under valgrind (ARGS names modules)
	scripts/valgrind.sh $(ARGS)

clients: build ## real client libraries against the server
	scripts/clients.sh $(ARGS)

clean: ## remove what was built (downloads under .cache stay)
	$(CARGO) clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
