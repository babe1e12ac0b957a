# make          build bin/comet-export, bin/comet-filter and bin/comet-import, and their pages and completions in build/share
# make install  put them below PREFIX (/usr/local), which DESTDIR may precede; builds what is missing first
# make demo     move a project between two servers on loopback, through a pipe
# make test     all tests, with the race detector where there is a C compiler
# make check    what a change must pass before it is tested
# make lint     the linters of .golangci.yml, staticcheck among them
# make vet-all  vet for the platforms of PLATFORMS: code and tests, which are not linked or run
# make fuzz     each fuzz target that FUZZ matches, for FUZZTIME
# make torture  the long forms of the tests, the tests of the tests (internal/torture/controls.sh), ten minutes of fuzzing
#               for each front (stream reader, filter, import) and one for each of their parts; over an hour in all;
#               COMET_STREAM_SEED takes random tests again
# make contract the official Python SDK, of today and of 2023, against the embedded server and what the tools move
#               (docs/clients.md)
# make contract-full
#               the same, and folders of cometx (another 700 MB) into the tools and out of them
# make snapshot what a release consists of, in dist, and a check of it; the container image by buildah, where that is
#               installed, or with SKIP= by docker
# make release  the same at a tag, as a draft on GitHub
# make measure  how large each package is, and what imports it
# make python   python/comet_stream: types, the golden streams, the tables as pandas and DuckDB read them
# make bench    the workloads of docs/benchmarks.md; bench-large adds the 20 GB asset;
#               COMETX=PATH, of cometx 3.6.11, puts its figures beside them
# make bench-quota
#               the grid of docs/benchmarks.md of processes that share a quota, in virtual time; some minutes
# make bench-scale
#               25,000 experiments (or EXPERIMENTS=) by 1 to 16 shards, some of them killed; half an hour
# make bench-growth
#               list, export, import and unchanged import of SIZES=1000,5000,25000,100000 experiments; twenty minutes

GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null)
GORELEASER  ?= $(GO) run github.com/goreleaser/goreleaser/v2@v2.15.0
GOLANGCI    ?= $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZ        ?= ^Fuzz
FUZZTIME    ?= 1m

# What takes a whole stream; the other fuzz targets are parts of these.
FUZZ_FRONTS := ^Fuzz(Reader|Filter|Import)

# The race detector needs cgo; the tools themselves are built without.
RACE := $(shell command -v $$($(GO) env CC) >/dev/null && echo -race)

# Beside this one: other file systems and signals, and 32 bits.
PLATFORMS ?= windows/amd64 darwin/arm64 linux/386 linux/arm

TOOLS := comet-export comet-filter comet-import

SKIP    ?= docker
PREFIX  ?= /usr/local
DESTDIR ?=

.PHONY: build manual install changelog test contract contract-full check gofmt vet vet-all lint have-lint govulncheck fuzz torture bench bench-quota bench-large bench-scale bench-growth snapshot have-goreleaser release measure demo clean python

build: manual
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X github.com/comet-stream/comet-stream/internal/cli.Version=$(VERSION)' -o bin/ $(TOOLS:%=./cmd/%)

# Man pages and completions for bash, zsh and fish, from the usage texts; made by
# this machine, for whichever the tools are built.
manual:
	GOOS= GOARCH= $(GO) run ./internal/manual/generate -version '$(VERSION)' build

# Does without Go after "make", as root may have to.
install: $(TOOLS:%=bin/%) build/share
	umask 022 && mkdir -p '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share' && \
	install -m 755 $(TOOLS:%=bin/%) '$(DESTDIR)$(PREFIX)/bin' && \
	cp -R build/share/. '$(DESTDIR)$(PREFIX)/share'

$(TOOLS:%=bin/%) build/share:
	$(MAKE) build

test:
ifeq ($(RACE),)
	@echo 'no C compiler: testing without the race detector' >&2
	$(GO) test ./...
else
	CGO_ENABLED=1 $(GO) test $(RACE) ./...
endif

contract-full:
	sdks=$$(internal/contract/venv.sh current 2023) && cometx=$$(internal/contract/venv.sh cometx) && \
	COMET_STREAM_PYTHON=$$(internal/contract/venv.sh python/requirements.txt) COMET_SDK_PYTHON=$$sdks COMET_COMETX_PYTHON=$$cometx $(GO) test -count 1 -timeout 30m -v ./internal/contract

contract:
	sdks=$$(internal/contract/venv.sh current 2023) && python=$$(internal/contract/venv.sh python/requirements.txt) && \
	COMET_SDK_PYTHON=$$sdks COMET_STREAM_PYTHON=$$python $(GO) test -count 1 -v ./internal/contract

python: build
	cd examples/parquet && $(GO) vet . && CGO_ENABLED=0 $(GO) build -trimpath -o $(CURDIR)/bin/ .
	python=$$(internal/contract/venv.sh python/requirements.txt) && cd python && \
	$$python -m mypy comet_stream && \
	$$python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall . && \
	COMET_FILTER=$(CURDIR)/bin/comet-filter COMET_PARQUET=$(CURDIR)/bin/parquet PYTHONDONTWRITEBYTECODE=1 $$python -m unittest discover -s tests

check: gofmt changelog vet lint govulncheck

gofmt:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')) && \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:" $$unformatted >&2; exit 1; fi

# The headings of Keep a Changelog, and entries of their own below them.
changelog:
	@wrong=$$(grep -nE '^#' CHANGELOG.md | grep -vE '^[0-9]+:(# Changelog|## \[[^]]+\].*|### (Added|Changed|Deprecated|Removed|Fixed|Security)|#### .*)$$') || true; \
	if [ -n "$$wrong" ]; then echo "CHANGELOG.md has headings that are not of Keep a Changelog:" >&2; echo "$$wrong" >&2; exit 1; fi

vet:
	$(GO) vet ./...

vet-all:
	@for platform in $(PLATFORMS); do \
	  echo "vet $$platform"; \
	  GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0 $(GO) vet ./... || exit 1; \
	done

lint:
	$(GOLANGCI) run ./...

# Fetches it where it is missing.
have-lint:
	@$(GOLANGCI) version

govulncheck:
	@if command -v govulncheck >/dev/null; then govulncheck ./...; \
	else echo 'govulncheck is not installed: skipped' >&2; fi

# Without the limit, targets that start goroutines are minimized for minutes:
# their coverage is not the same twice.
fuzz:
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '$(FUZZ)' $$package | grep '^Fuzz'); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package || exit 1; \
	  done; \
	done

torture:
	COMET_STREAM_TORTURE=1 $(GO) test -count 1 -timeout 4h ./...
	./internal/torture/controls.sh
	$(MAKE) fuzz
	$(MAKE) fuzz FUZZ='$(FUZZ_FRONTS)' FUZZTIME=10m

bench: build
	$(GO) run ./internal/bench

bench-quota:
	COMET_STREAM_TORTURE=1 $(GO) test -count 1 -v -timeout 30m -run GateGrid ./internal/comet/gate

bench-large: build
	$(GO) run ./internal/bench -large

EXPERIMENTS ?= 25000
bench-scale: build
	$(GO) run ./internal/bench -only scale -experiments $(EXPERIMENTS)

SIZES ?= 1000,5000,25000,100000
bench-growth: build
	$(GO) run ./internal/bench -only W4 -sizes $(SIZES)

snapshot:
	$(GORELEASER) release --snapshot --clean $(addprefix --skip=,$(SKIP))
	./internal/release/check.sh
	if command -v buildah >/dev/null; then ./internal/release/image.sh; else echo 'image: buildah is missing: not built'; fi

# Fetches it where it is missing.
have-goreleaser:
	@$(GORELEASER) --version | grep GitVersion

release:
	$(GORELEASER) release --clean

measure:
	@$(GO) run ./internal/measure

demo:
	./examples/demo/run.sh

clean:
	rm -rf bin build dist
