# SPDX-License-Identifier: Apache-2.0
# The commands of this tree; each is a script under tools. `make help` lists them.

.PHONY: help run test test-cluster bench bench-cluster deb fuzz format tidy check-deps clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: ## install what is missing, build, and start a server with a demo user and a message
	@tools/install-packages build && exec tools/run-demo

test: ## install what is missing, build, and run every test (plain, ASan+UBSan, TSan)
	@tools/install-packages build cassandra test deb && exec tools/run-tests $(ARGS)

test-cluster: ## the tests on two datacenters with three nodes of Apache Cassandra in each, and those that take minutes
	@tools/install-packages build cassandra test && exec tools/run-tests --quick --long --only cluster $(ARGS)

bench: ## measure a release build beside Dovecot (ARGS="--quick", "--without-peers", "--million")
	@tools/install-packages build bench && exec tools/run-bench $(ARGS)

bench-cluster: ## measure on two datacenters of Apache Cassandra, with conditional statements and without (ARGS=--short)
	@tools/install-packages build cassandra test bench && exec bench/cluster $(ARGS)

deb: ## build the Debian package into build/deb and check it by lintian
	@tools/install-packages build cassandra deb && exec tools/build-deb

fuzz: ## fuzz every parser for a minute each (ARGS="--seconds 600 --only NAME" for more)
	@tools/install-packages build test && exec tools/run-fuzz $(ARGS)

format: ## lay out the C sources by .clang-format
	@tools/check-format --fix

tidy: ## run clang-tidy over the C sources
	@tools/lint

check-deps: ## say which Debian packages are missing
	@tools/install-packages --check build cassandra test deb && echo "Nothing is missing."

clean: ## remove what was built (the demo's data stays)
	@rm -rf build
