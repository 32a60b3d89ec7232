# `make help` lists what there is to make. With REQUIRE_ALL=1, on the command line or in the
# environment, what would be skipped for want of a program fails instead.

BINARY  := bin/wsproxy
VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
COMMIT  ?= $(or $(shell git rev-parse --short=12 HEAD 2>/dev/null),unknown)
CLI     := github.com/wsproxy/kafka-websocket-proxy/pkg/cli
LDFLAGS := -s -w -X $(CLI).version=$(VERSION) -X $(CLI).commit=$(COMMIT)

# What to test, and for how long each fuzz target runs.
PKGS     ?= ./...
FUZZTIME ?= 1m
# How long to soak.
SECONDS  ?= 600

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## start the proxy with a Kafka broker of its own; ARGS="--port 9000" passes flags
	go run ./cmd/wsproxy dev $(ARGS)

.PHONY: build
build: ## build the static program bin/wsproxy
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BINARY) ./cmd/wsproxy

.PHONY: test
test: ## run the tests, real Kafka included; PKGS=./pkg/... narrows it
	@test/tools/test $(PKGS)

.PHONY: test-long
test-long: ## run the tests that take minutes each, whose names begin with TestLong
	@test/tools/test long $(PKGS)

.PHONY: test-cluster
test-cluster: ## test the chart on the cluster of KUBECONFIG, with IMAGE=repository:tag
	go test -tags cluster -count=1 -timeout 30m -v ./test/cluster

.PHONY: lint
lint: ## check code, formatting, shell scripts and spelling
	@test/tools/lint

.PHONY: fmt
fmt: ## format the Go code
	"$$(test/tools/tool golangci-lint)" fmt

.PHONY: bench
bench: ## measure the proxy beside a plain Kafka client
	go run ./test/bench $(ARGS)

.PHONY: bench-live
bench-live: ## measure live reading: thousands of sockets on one topic
	go run ./test/bench live $(ARGS)

.PHONY: bench-queue
bench-queue: ## measure queues: a thousand workers on one topic
	go run ./test/bench queue $(ARGS)

.PHONY: bench-check
bench-check: ## measure again, and fail where a ratio to the plain client has lost more than 15 %
	go run ./test/bench --embedded --rows throughput,tls,many,spread --check test/bench/baseline.json $(ARGS)

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (1m)
	@test/tools/fuzz $(FUZZTIME)

.PHONY: soak
soak: ## try to lose something under random faults for SECONDS (600); ARGS="-family all" changes the topic too
	@go test -tags synctests -c -o bin/virtual.test ./test/faults/virtual
	@bin/virtual.test -test.run '^TestSchedules$$' -test.timeout 0 -soak $(SECONDS)s -first $$(date +%s) $(ARGS)

.PHONY: soak-real
soak-real: ## the same against Apache Kafka, in three runs of SECONDS in all; the report is kept in bin/soak-real.log
	@go test -c -o bin/real.test ./test/faults/real
	@cd test/faults/real && bash -o pipefail -c '../../../bin/real.test -test.v -test.timeout 0 \
		-test.run "^(TestLongRealFaults|TestLongThreeBrokersUnderFaults|TestLongQueuesUnderFaults)$$" -soak $$(($(SECONDS) / 3))s -seed $$(date +%s) $(ARGS) | tee ../../../bin/soak-real.log'

.PHONY: kafka
kafka: ## start a real Apache Kafka on this machine
	go run ./test/kafka/cmd/kafka $(ARGS)
