# What a developer types. `make help` lists it; CONTRIBUTING.md explains it.

.DEFAULT_GOAL := help
export PORT ONESHOT SECONDS_EACH CONFORMANCE RESULTS

.PHONY: help run test setup-run setup-test fmt lint doc bench bench-registry bench-scale bench-functions conformance corpus soak fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile

run: setup-run ## the demo: server, image, verdict (PORT=5000, ONESHOT=1 ends after the table)
	@scripts/demo

test: setup-test ## every test but the corpus suite
	cargo test --workspace --exclude tidegate-corpus

setup-run: ## installs what `make run` needs
	@scripts/setup run

setup-test: ## installs what `make test` needs
	@scripts/setup test

fmt: ## formats the code
	cargo fmt --all

lint: ## formatting and clippy, as CI asks
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

doc: ## the documentation of the code, private items included
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

bench: setup-run ## whole processes side by side with Trivy, and the server's figures (RUNS=7)
	@scripts/bench

bench-registry: ## the registry side by side with CNCF distribution (PEER=program, ROUNDS=5)
	@scripts/bench-registry --rounds $(or $(ROUNDS),5)

bench-scale: ## what one operation costs as tags and manifests grow (ENGINE=postgres)
	@scripts/bench-scale

bench-functions: ## benchmarks of single steps
	cargo bench --workspace --exclude tidegate-corpus

conformance: ## the specification's own program against a fresh server (CONFORMANCE=path to it)
	@scripts/conformance

corpus: ## the tests against public data beside the checkout (CORPUS_DIR=../shared/corpus)
	cargo test --package tidegate-corpus

soak: setup-test ## kills the server CRASHES=300 times from SEED=1, plays TAG_SEEDS=0..400 and COLLECTION_SEEDS=0..2000, then fuzzes every target in turn (SECONDS_EACH=600)
	TEST_CRASHES=$(or $(CRASHES),300) TEST_CRASH_SEED=$(or $(SEED),1) cargo test -p tidegate --test it crash::processes
	TEST_POWER_SEEDS=$(or $(CRASHES),300) cargo test -p tidegate-blobs --test it power::
	TEST_TAG_SEEDS=$(or $(TAG_SEEDS),0..400) cargo test -p tidegate-catalog --test it tag_model::
	TEST_COLLECTION_SEEDS=$(or $(COLLECTION_SEEDS),0..2000) cargo test -p tidegate-catalog --test it collection::
	@scripts/soak

fuzz: ## fuzzes one target (TARGET=layer_walk SECONDS_EACH=600)
	@scripts/soak $(or $(TARGET),$(error name a file of fuzz/fuzz_targets: TARGET=layer_walk))
