package stream

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// badStreams has one stream for each thing that a reader refuses.
func badStreams(t *testing.T) []golden {
	whole := stream(t, oneByOne, words(t, "plan project:p experiment:k metrics:a experiment-end:k")...)
	_, offsets := labelsOf(t, whole)
	at := func(i int) int { return int(offsets[i]) }
	// replaced has the block i of whole replaced.
	replaced := func(i int, block []byte) []byte {
		return slices.Concat(whole[:at(i)], block, whole[at(i+1):])
	}
	project := recordsOf(t, word(t, "project:p"))
	// middle makes a block that stands in the place of the project.
	middle := func(content []byte, change func(*Label)) []byte {
		kind := KindProject
		if content[0] == msgpcode.FixedArrayLow|2 && content[1] == msgpcode.FixedStrLow|1 {
			kind = "x"
		}
		return replaced(2, middleBlock(t, compress(t, content), len(content), kind, change))
	}
	frame := func(frame []byte, content int, change func(*Label)) []byte {
		return replaced(2, middleBlock(t, frame, content, KindProject, change))
	}
	records := func(text string) []byte { return unchecked(t, text) }
	list := []golden{
		{"truncated-between", "Ends between two blocks.", whole[:at(4)]},
		{"truncated-label", "Ends in a label.", whole[:at(4)+20]},
		{"truncated-frame", "Ends in a frame.", whole[:len(whole)-1]},
		{"truncated-second", "A good stream, and another one that ends in a label.", append(bytes.Clone(whole), whole[:20]...)},
		{"aborted", "Its writer has failed in the middle of an asset.", aborted(t)},

		{"not-empty", "Nothing.", nil},
		{"not-gzip", "The beginning of a gzip file.", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")},
		{"not-json", "JSON.", []byte("{\"experiments\": []}\n")},
		{"not-text", "Text.", []byte("Traceback (most recent call last):\n")},
		{"not-plain-zstd", "zstd without labels.", compress(t, records("header plan trailer"))},
		{"not-decompressed", "The records of a stream without its blocks.", decompress(t, bytes.NewReader(whole))},
		{"not-skippable-first", "A good stream behind an empty skippable frame.", append([]byte(keepAlive), whole...)},

		{"version-label", "A label of major version 2.", relabel(withByte(whole, 16, 2))},
		{"version-header", "A header of version 2.0.", headerOf(t, func(h *Header) { h.Version[0] = 2 })},
		{"version-requires", "A header that requires a feature which version 1.0 does not know.", headerOf(t, func(h *Header) { h.Requires = []string{"novelty"} })},

		{"corrupt-label", "A flipped bit in a label.", withByte(whole, at(3)+30, whole[at(3)+30]^4)},
		{"corrupt-frame", "A flipped bit in a frame.", withByte(whole, at(3)+labelSize+9, whole[at(3)+labelSize+9]^4)},
		{"corrupt-flags", "A label with a flag that version 1.0 does not know.", relabel(withByte(whole, 17, whole[17]|8))},
		{"corrupt-zero", "A label in which byte 10 is not zero.", relabel(withByte(whole, 18, 1))},
		{"corrupt-gap", "A block is missing.", slices.Concat(whole[:at(2)], whole[at(3):])},
		{"corrupt-repeated", "A block stands there twice.", slices.Concat(whole[:at(3)], whole[at(2):])},
		{"corrupt-swapped", "Two blocks have changed places.", slices.Concat(whole[:at(2)], whole[at(3):at(4)], whole[at(2):at(3)], whole[at(4):])},
		{"corrupt-other-id", "A block of another stream.", middle(project, func(l *Label) { l.Stream[0] ^= 1 })},
		{"corrupt-header-id", "The id in the header is not that of the labels.", slices.Concat(block(t, headerRecord(t, func(h *Header) { h.ID = "f" + h.ID[1:] }), nil), whole[at(1):])},
		{"corrupt-first-again", "Another stream begins before the end of the first.", slices.Concat(whole[:at(4)], whole)},
		{"corrupt-after-last", "Behind the last block comes one that is not the first of a stream.", slices.Concat(whole, whole[at(2):])},
		{"corrupt-behind", "Behind the last block come bytes that are no zstd.", append(bytes.Clone(whole), "\n\n\n\n\n\n\n\n"...)},
		{"corrupt-no-label", "A frame without a label.", slices.Concat(whole[:at(2)], whole[at(2)+labelSize:])},
		{"corrupt-label-parted", "A skippable frame between a label and its frame.", slices.Concat(whole[:at(2)+labelSize], []byte(keepAlive), whole[at(2)+labelSize:])},
		{"corrupt-two-frames", "Two frames behind one label.", frame(slices.Concat(compress(t, project[:9]), compress(t, project[9:])), len(project), nil)},
		{"corrupt-frame-size", "A frame whose content is longer than its label says.", frame(compress(t, project), len(project)-1, nil)},
		{"corrupt-no-size", "A frame without content size.", frame(withoutSize(t, project), len(project), nil)},
		{"corrupt-no-checksum", "A frame without checksum.", frame(compress(t, project, zstd.WithEncoderCRC(false)), len(project), nil)},
		{"corrupt-checksum", "A frame whose content has another checksum.", frame(wrongChecksum(t, project), len(project), nil)},
		{"corrupt-dictionary", "A frame that was made with a dictionary.", frame(compress(t, project, zstd.WithEncoderDictRaw(7, project)), len(project), nil)},
		{"corrupt-count", "A label that announces one record more.", middle(project, func(l *Label) { l.Records++ })},
		{"corrupt-kinds", "A label that announces another kind.", middle(project, func(l *Label) { l.Kinds = KindSetOf(KindLink) })},
		{"corrupt-outside", "A label that says its first record is in a group, where it is outside.", middle(project, func(l *Label) { l.Outside = false })},
		{"corrupt-last", "A label that announces the end of the stream in the middle.", middle(project, func(l *Label) { l.Last = true })},
		{"corrupt-last-missing", "A last block whose label does not say so.", slices.Concat(whole[:at(6)], middleBlock(t, compress(t, records("trailer")), len(records("trailer")), KindTrailer, func(l *Label) { l.Sequence = 6 }))},

		{"corrupt-after-trailer", "A record behind the trailer, in its block.", bad(t, "header plan trailer novelty")},

		{"corrupt-msgpack", "A byte that msgpack does not have.", middle(append(bytes.Clone(project[:len(project)-3]), 0xc1, 0xc1, 0xc1), nil)},
		{"corrupt-cut-record", "A record that ends in the middle.", middle(project[:len(project)-1], nil)},
		{"corrupt-length", "An array that announces four billion elements.", middle(oneKey("x", []byte{0xdd, 0xff, 0xff, 0xff, 0xff}), nil)},
		{"corrupt-no-record", "A map where a record belongs.", middle([]byte{0x81, 0xa1, 'a', 1}, nil)},
		{"corrupt-body", "A record whose body is a list.", middle([]byte{0x92, 0xa7, 'p', 'r', 'o', 'j', 'e', 'c', 't', 0x90}, nil)},
		{"corrupt-key-type", "A body with a key that is a number.", middle([]byte{0x92, 0xa1, 'x', 0x81, 1, 1}, nil)},
		{"corrupt-utf8-kind", "A kind that is not UTF-8.", middle([]byte{0x92, 0xa1, 0xff, 0x80}, nil)},
		{"corrupt-utf8-key", "A key that is not UTF-8.", middle([]byte{0x92, 0xa1, 'x', 0x81, 0xa1, 0xff, 1}, nil)},
		{"corrupt-utf8-text", "A text that is not UTF-8.", middle(recordsWith(t, word(t, "project:p"), "name", []byte{0xa1, 0xff}), nil)},
		{"corrupt-key-missing", "A project record without its name.", middle(recordsWith(t, word(t, "project:p"), "name", nil), nil)},
		{"corrupt-key-twice", "A project record with two names.", middle(recordsTwice(t, word(t, "project:p")), nil)},
		{"corrupt-type", "A project record whose name is a number.", middle(recordsWith(t, word(t, "project:p"), "name", []byte{5}), nil)},
		{"corrupt-chunk-empty", "A chunk without data.", bad(t, "header plan project:p experiment:k asset:a chunk: asset-end experiment-end:k trailer")},
		{"corrupt-column", "Columns of different lengths.", bad(t, "header plan project:p experiment:k", recordsWith(t, word(t, "metrics:a"), "value", []byte{0x92, 1, 2}))},
		{"corrupt-context", "An index beyond the dictionary of contexts.", bad(t, "header plan project:p experiment:k", recordsWith(t, word(t, "metrics:a"), "context", []byte{0x92, 0x91, 0xa1, 'c', 0x91, 1}))},

		{"limit-content", "A label that announces 16 MiB and a byte of content.", middle(project, func(l *Label) { l.ContentLen = maxContent + 1 })},
		{"limit-records", "A label that announces 65,537 records.", middle(project, func(l *Label) { l.Records = maxRecords + 1 })},
		{"limit-frame", "A label that announces a frame of 4 GiB.", middle(project, func(l *Label) { l.FrameLen = 1<<32 - 1 })},
		{"limit-record", "A record of 8 MiB and a byte.", middle(oneKey("x", appendBin(nil, make([]byte, maxRecord-10))), nil)},
		{"limit-depth", "A list in a list in a list … 33 levels with the record.", middle(oneKey("x", append(bytes.Repeat([]byte{0x91}, 31), 1)), nil)},
		{"limit-depth-deep", "A list in a list in a list … a million levels.", middle(oneKey("x", append(bytes.Repeat([]byte{0x91}, 1e6), 1)), nil)},
		{"limit-chunk", "A chunk of 512 KiB and a byte.", bad(t, "header plan project:p experiment:k asset:a", uncheckedRecord(t, &Chunk{Data: make([]byte, MaxData+1)}))},
		{"limit-text", "A text record of 512 KiB and a byte.", bad(t, "header plan project:p experiment:k", uncheckedRecord(t, &Text{Of: KindHTML, Data: make([]byte, MaxData+1)}))},
		{"limit-points", "Metrics of 8,193 points.", bad(t, "header plan project:p experiment:k", manyPoints(t))},
		{"limit-no-points", "Metrics without points.", bad(t, "header plan project:p experiment:k", noPoints(t))},
		{"limit-key", "An experiment key of 65 bytes.", bad(t, "header plan project:p experiment:"+strings.Repeat("k", 65))},
		{"limit-no-key", "An experiment without a key.", bad(t, "header plan project:p experiment:")},
		{"limit-kind", "A kind of 65 bytes.", bad(t, "header plan "+strings.Repeat("x", 65))},
		{"limit-list", "A list of 65,537 tags.", bad(t, "header plan project:p", uncheckedRecord(t, &Experiment{Key: "k", Project: "p", Workspace: "w", Doc: doc(t, `{}`), Tags: make([]string, maxList+1)}))},
		{"limit-kinds", "257 kinds that nobody knows.", bad(t, "header plan "+unknownKinds(maxUnknownKinds+1))},
	}
	for _, tt := range []struct{ name, what, words string }{
		{"no-plan", "A header without a plan.", "header project:p"},
		{"two-plans", "Two plans.", "header plan plan"},
		{"two-headers", "Two headers in one stream.", "header plan header"},
		{"no-project", "An experiment before any project.", "header plan experiment:k experiment-end:k trailer"},
		{"other-project", "An experiment of another project than the last record of one.", "header plan project:p project:q experiment:k experiment-end:k trailer"},
		{"notes-first", "Notes before their project.", "header plan notes project:p trailer"},
		{"key-twice", "An experiment key that comes twice.", "header plan project:p experiment:k experiment-end:k experiment:k experiment-end:k trailer"},
		{"asset-twice", "An asset id that comes twice in a group.", "header plan project:p experiment:k asset:a asset-end asset:a asset-end experiment-end:k trailer"},
		{"group-in-group", "An experiment in an experiment.", "header plan project:p experiment:k experiment:l"},
		{"group-open", "A trailer where a group is open.", "header plan project:p experiment:k trailer"},
		{"item-outside", "Parameters outside any experiment.", "header plan project:p parameters trailer"},
		{"item-order", "Parameters behind others.", "header plan project:p experiment:k others parameters experiment-end:k trailer"},
		{"item-twice", "System details twice.", "header plan project:p experiment:k system system experiment-end:k trailer"},
		{"item-between", "Another kind between two of parameters.", "header plan project:p experiment:k parameters others parameters experiment-end:k trailer"},
		{"text-twice", "Two texts of code.", "header plan project:p experiment:k code code experiment-end:k trailer"},
		{"text-open", "A text that does not go on.", "header plan project:p experiment:k code:more html experiment-end:k trailer"},
		{"asset-open", "An asset that does not end.", "header plan project:p experiment:k asset:a asset:b asset-end experiment-end:k trailer"},
		{"asset-order", "An image behind an embedding.", "header plan project:p experiment:k asset:a@embeddings asset-end asset:b@image asset-end experiment-end:k trailer"},
		{"chunk-outside", "A chunk of no asset.", "header plan project:p experiment:k chunk:x experiment-end:k trailer"},
		{"chunk-remote", "A chunk of a remote asset.", "header plan project:p experiment:k remote:a chunk:x asset-end experiment-end:k trailer"},
		{"wrong-end", "The end of another experiment.", "header plan project:p experiment:k experiment-end:l trailer"},
		{"workspace-first", "A project behind what belongs to the workspace.", "header plan link project:p trailer"},
		{"version-outside", "An artifact version in no artifact.", "header plan artifact-version:v trailer"},
		{"artifact-metrics", "Metrics in an artifact.", "header plan artifact:a artifact-version:v metrics:m artifact-end:a trailer"},
	} {
		list = append(list, golden{"grammar-" + tt.name, tt.what, bad(t, tt.words)})
	}
	return append(list,
		golden{"grammar-group-points", "An experiment-end that counts a point too many.", bad(t, "header plan project:p experiment:k", recordsOf(t, &ExperimentEnd{Key: "k", Points: 1, Counts: Counts{KindExperiment: 1}}))},
		golden{"grammar-group-counts", "An experiment-end that leaves a kind out.", bad(t, "header plan project:p experiment:k others", recordsOf(t, &ExperimentEnd{Key: "k", Counts: Counts{KindExperiment: 1}}))},
		golden{"grammar-trailer", "A trailer that counts an experiment too many.", bad(t, "header plan", recordsOf(t, &Trailer{Experiments: 1}))},
		golden{"grammar-asset-size", "An asset-end with another size.", bad(t, "header plan project:p experiment:k asset:a chunk:x", recordsOf(t, &AssetEnd{Size: 2, SHA256: sumX}))},
		golden{"grammar-asset-sum", "An asset-end with another SHA-256.", bad(t, "header plan project:p experiment:k asset:a chunk:y", recordsOf(t, &AssetEnd{Size: 1, SHA256: sumX}))},
	)
}

const sumX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

// middleBlock makes a block that is neither the first nor the last, of one record.
func middleBlock(t *testing.T, frame []byte, content int, kind Kind, change func(*Label)) []byte {
	return blockOf(t, frame, content, func(l *Label) {
		l.First, l.Sequence, l.Kinds = false, 2, KindSetOf(kind)
		if change != nil {
			change(l)
		}
	})
}

// relabel gives the first label of a stream the checksum that it should have.
func relabel(data []byte) []byte {
	sum := crc(data[labelTable : labelSize-4])
	copy(data[labelSize-4:], []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)})
	return data
}

func headerRecord(t *testing.T, change func(*Header)) []byte {
	h := sample(t)[0].(*Header)
	h.Format, h.Version = formatName, [2]int{majorVersion, minorVersion}
	change(h)
	return recordsOf(t, h)
}

// headerOf makes a stream with a changed header.
func headerOf(t *testing.T, change func(*Header)) []byte {
	return bad(t, "", headerRecord(t, change), unchecked(t, "plan trailer"))
}

// aborted is a stream whose writer gave up.
func aborted(t *testing.T) []byte {
	var buf bytes.Buffer
	w := NewWriter(&buf, WriterOptions{})
	h := sample(t)[0]
	for _, rec := range append([]Record{h}, words(t, "plan project:p experiment:k experiment-end:k experiment:l asset:a chunk:x")...) {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Abort("server", "GET /api/rest/v2/experiment/metadata: 503 Service Unavailable"); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// uncheckedRecord is the msgpack of a record that may break the format.
func uncheckedRecord(t *testing.T, rec Record) []byte {
	t.Helper()
	b, err := appendRecord(nil, rec)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// unchecked is the msgpack of words, with counts that hold where the records do.
func unchecked(t *testing.T, text string) []byte {
	t.Helper()
	var all []byte
	var group, total sums
	for _, rec := range words(t, text) {
		switch r := rec.(type) {
		case *Header:
			r.Format, r.Version, r.ID = formatName, [2]int{1, 0}, idA
		case *AssetEnd:
			r.SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		case *Experiment, *Artifact, *Model:
			group = sums{}
		case *ExperimentEnd:
			r.Counts = group.counts()
		case *ArtifactEnd:
			r.Counts = group.counts()
		case *Trailer:
			n := total.totals()
			r.Counts, r.Projects, r.Experiments = n.Counts, n.Projects, n.Experiments
		}
		data := uncheckedRecord(t, rec)
		all = append(all, data...)
		if v, err := checkRecord(data); err == nil {
			group.add(&v)
			total.add(&v)
		}
	}
	return all
}

// bad makes a stream of records as they are, in one block. Its label is right, as
// far as that can be: the error is in the records.
func bad(t *testing.T, text string, more ...[]byte) []byte {
	t.Helper()
	content := slices.Concat(unchecked(t, text), slices.Concat(more...))
	var kinds KindSet
	n := uint32(0)
	c := pack.CursorAt(content, 0)
	for c.Offset() < len(content) {
		start := c.Offset()
		if _, err := pack.Scan(content, start, 0); err != nil {
			t.Fatal(err)
		}
		c.ArrayLen()
		kind := Kind(c.Str())
		c.Skip()
		kinds |= KindSetOf(kind)
		n++
	}
	return block(t, content, func(l *Label) {
		l.Records, l.Kinds, l.Last = n, kinds, kinds.HasAny(endKinds)
	})
}

// recordsWith is a record with another value of a key, or without it where the
// value is nil.
func recordsWith(t *testing.T, rec Record, key string, value []byte) []byte {
	return editBody(t, rec, func(list []pair) []pair {
		i := slices.IndexFunc(list, func(p pair) bool { return p.key == key })
		if value == nil {
			return slices.Delete(list, i, i+1)
		}
		list[i].value = value
		return list
	})
}

// recordsTwice is a record with its first key twice.
func recordsTwice(t *testing.T, rec Record) []byte {
	return editBody(t, rec, func(list []pair) []pair { return slices.Insert(list, 0, list[0]) })
}

// oneKey is a record of an unknown kind with one key.
func oneKey(kind string, value []byte) []byte {
	b := appendStr([]byte{msgpcode.FixedArrayLow | 2}, kind)
	return append(appendStr(append(b, msgpcode.FixedMapLow|1), "a"), value...)
}

func manyPoints(t *testing.T) []byte {
	n := MaxPoints + 1
	return editBody(t, word(t, "metrics:a"), func(list []pair) []pair {
		for i := range list {
			switch list[i].key {
			case "n":
				list[i].value = appendInt(nil, int64(n))
			case "value":
				list[i].value = append(appendArrayLen(nil, n), make([]byte, n)...)
			}
		}
		return list
	})
}

func noPoints(t *testing.T) []byte {
	return editBody(t, word(t, "metrics:a"), func(list []pair) []pair {
		for i := range list {
			switch list[i].key {
			case "n":
				list[i].value = []byte{0}
			case "value":
				list[i].value = []byte{msgpcode.FixedArrayLow}
			}
		}
		return list
	})
}

func unknownKinds(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" x" + strings.Repeat("i", i%16) + strings.Repeat("j", i/16))
	}
	return b.String()
}

// withoutSize makes a frame that does not say how much it holds.
func withoutSize(t *testing.T, content []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	e, err := zstd.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{content[:5], content[5:]} {
		if _, err := e.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func wrongChecksum(t *testing.T, content []byte) []byte {
	frame := compress(t, content)
	frame[len(frame)-1] ^= 1
	return frame
}
