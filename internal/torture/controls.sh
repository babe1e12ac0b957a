#!/bin/sh
# Checks the tests: breaks the tools in one small way at a time, in a copy of the tree, and expects the tests named with it to
# fail. A change that does not apply or does not build is an error, and so are tests that fail without it.
#
#   ./internal/torture/controls.sh [NAME ...]
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
git ls-files -z --cached --others --exclude-standard | xargs -0 tar -cf - | tar -xf - -C "$work"
cd "$work"
unset COMET_STREAM_TORTURE COMET_STREAM_SEED || :
wanted=" $* "
count=0 green=0

# run PACKAGE TESTS runs tests of a package. What they say is left in $work/said.
run() { go test -count 1 -timeout 5m -run "^($2)\$" "$1" >"$work/said" 2>&1; }

# control NAME FILE SED PACKAGE TESTS breaks FILE, and expects TESTS to notice.
control() {
	if [ "$wanted" != '  ' ]; then
		case $wanted in *" $1 "*) ;; *) return 0 ;; esac
	fi
	count=$((count + 1))
	if ! run "$4" "$5"; then
		cat "$work/said"
		echo "$1: $5 of $4 fail as it is" >&2
		exit 1
	fi
	cp "$2" "$work/kept"
	sed "$3" "$work/kept" >"$2"
	if cmp -s "$2" "$work/kept"; then
		echo "$1: the change does not apply to $2" >&2
		exit 1
	fi
	if ! go vet "./$(dirname "$2")" >"$work/said" 2>&1; then
		cat "$work/said"
		echo "$1: the change does not build" >&2
		exit 1
	fi
	if run "$4" "$5"; then
		green=$((green + 1))
		echo "$1: NOT NOTICED by $5 of $4"
	else
		echo "$1: noticed: $(grep -m 1 -e '^ *--- FAIL' -e '^panic:' "$work/said" || tail -n 1 "$work/said")"
	fi
	mv "$work/kept" "$2"
}

# Retries and outages.
control retry-503 internal/comet/api/retry.go '/case e.Status >= 500, e.Status < 400:/,+1 s/return true/return e.Status != 503/' \
	./internal/torture TestFaultAtOneRequestOfExport
control cut-answer internal/comet/api/answer.go '/case page, !json.Valid(data)/,+1 s/return notJSON(data)/return nil/' \
	./internal/comet TestAnswersBeside
control lost-words internal/comet/api/answer.go 's/if err != nil \&\& e.Status\/100 == 4 /if false \&\& err != nil \&\& e.Status\/100 == 4 /' \
	./internal/comet TestRetryReads
control abort internal/exporter/exporter.go 's/failed := w.Abort(judge.AbortClass(cause), cause.Error())/failed := w.Stop()/' \
	./internal/torture TestCauseThroughPipe

# What an answer says.
control status-is-absence internal/comet/api/doubt.go 's/e.absent, e.Parent = SaysAbsent(e.SDKCode, words, cl.About)/e.absent = true/; s/case e.Own \&\& !e.endpointMissing:/case e.Status == 404:/' \
	./internal/e2e TestReadMatrix
control member-is-wanted internal/comet/scan/check.go 's/case !k.found:/case !k.found \&\& k.n == 0:/' \
	./internal/e2e TestReadMatrix
control ack-is-said internal/comet/api/ack.go 's/return done \&\& !refused/return done || !refused/' \
	./internal/e2e TestImportMatrix

# Checks of the stream.
control frame-checksum stream/block.go 's/ != b.Label.CRC {/ != b.Label.CRC \&\& false {/' \
	./stream TestGolden
control label-checksum stream/label.go 's/ != binary.LittleEndian.Uint32(t\[52:\]) {/ != binary.LittleEndian.Uint32(t[52:]) \&\& false {/' \
	./internal/torture TestEveryCutAndBit
control sequence stream/source.go 's/case l.Sequence != s.sequence:/case false:/' \
	./stream TestGolden
control asset-sum stream/ends.go 's/; sum != end.SHA256 {/; sum == "" {/' \
	./internal/filter TestCheckLooksInside
control nesting stream/scan.go 's/if depth > maxDepth {/if depth > 100*maxDepth {/' \
	./stream 'TestGolden|TestLimits'
control truncated stream/source.go 's/return fault(ErrTruncated, "stream ends before its trailer")/return io.EOF/' \
	./internal/torture TestEveryCutAndBit
control salvage-groups internal/filter/salvager.go 's/if u.number == 0 || s.whole.has(u.number) {/if s.whole != nil {/' \
	./internal/torture TestRandomDamage

# Reconciling.
control compare-values internal/importer/values/table.go 's/if ok \&\& now.is(hashValue(v.Current)) {/if ok \&\& (true || now.is(0)) {/' \
	./internal/importer TestReconcile
control said-of-many internal/importer/overview/overview.go 's/!ok || v != document.Hash(value)/!ok || v == document.Hash(name+value)/' \
	./internal/importer TestOverviewIsDoubted
control ask-before-writing internal/importer/listed.go 's/e.Confirm = e.confirm/_ = e.confirm/' \
	./internal/importer TestOverviewOfLink
control listing-without-end internal/base/base.go 's/(e.End != nil || h.End == nil) \&\&//' \
	./internal/base TestBase
control points-there internal/importer/pointset/pointset.go '/^func (s \*Set) Take(/,/^}/ s/if !known {/if len(b.hashes) >= 0 {/' \
	./internal/torture 'TestFaultAtOneRequestOfImport|TestKilledImport|TestStorm'
control read-back internal/importer/answer/answer.go 's/return errors.Is(err, comet.ErrUncertain) }/return err == comet.ErrUncertain }/' \
	./internal/importer TestImportLostAnswers
control repeat-at-once internal/importer/points/points.go 's/if ps.wrotePoints(len(batch) - len(rest)); len(rest) < len(batch) {/if rest = batch; len(rest) < len(batch) {/' \
	./internal/importer TestImportLostAnswers
control broken-group internal/importer/experiment.go 's/if !e.Whole {/if false {/' \
	./internal/importer TestStreamBroken
control reopen internal/importer/session/session.go 's/if s.Existing == nil || s.Unfinished/if true || s.Existing == nil || s.Unfinished/' \
	./internal/importer TestCompletionKilled

# Odd and hostile servers.
control listing-size internal/importer/index/index.go 's/^	hash  uint64$/	hash  uint64; pad [2000]byte/; s/entry\[V\]{hash, v}/entry[V]{hash: hash, value: v}/' \
	./internal/torture TestMemoryLists
control temp-max internal/importer/spool/spool.go 's/ (raise --temp-max)//' \
	./internal/torture TestMemoryTextsOverTempMax
control item-time internal/importer/reconcile/certainty.go 's/ || d.Client.TimeOver(ctx) {/ {/' \
	./internal/torture TestSlowStorage
control strangers internal/importer/assets/verification.go 's/if have.Len() <= len(found) /if true /' \
	./internal/importer TestVerifyStrangers
control lost-assets internal/importer/upload/upload.go 's/ours, err := look(ctx, readings)/ours, err := false, error(nil)/' \
	./internal/importer TestLostAnswersOfAssets
control address-of-key internal/config/pair.go 's/u.at.rank < key.at.rank \&\& !u.at.local/true/' \
	./internal/cli 'TestCredentialMatrix|TestCredentialWorlds'

# Ends.
control partial internal/cli/output.go 's/o.path, o.final = target+partialSuffix, target/o.path, o.final = target, target/' \
	./internal/torture 'TestKilledExport|TestFaultAtOneRequestOfExport'
control close internal/cli/output.go 's/return stdoutError(closer.Close())/_ = closer.Close()/' \
	./internal/torture TestErrorAtClose
control kept-skips internal/exporter/exporter.go '/x.sum.Items = o.Continue.Totals.Skipped/d' \
	./internal/exporter TestContinueSkipped
control escapes internal/progress/escape.go 's/if strings.IndexFunc(s, unprintable) < 0 {/if len(s) >= 0 {/' \
	./internal/torture TestHostileNames

echo "$count controls, $green not noticed"
[ "$green" -eq 0 ]
