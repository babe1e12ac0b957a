// Package bombs makes streams and answers of servers that are small, or made as
// they are read, and would fill the memory of whoever holds them whole. Tests and
// benchmarks of the tools' memory use it.
package bombs

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/stream"
)

// Log returns about n bytes of what a training prints.
func Log(n int) []byte {
	r := rand.New(rand.NewPCG(1, 1))
	var b bytes.Buffer
	for b.Len() < min(n, 4<<20) {
		fmt.Fprintf(&b, "epoch %d step %d loss %.6f lr %g “ümläut” \\ %x\n", r.IntN(100), r.IntN(100_000), r.Float64(), r.Float64()/1000, r.Uint64())
	}
	return bytes.Repeat(b.Bytes(), max(1, n/b.Len()))
}

// Texts writes a stream with one experiment, which has the text as each of the
// kinds.
func Texts(w io.Writer, key string, text []byte, kinds ...stream.Kind) error {
	var records []stream.Record
	for _, kind := range kinds {
		for rest := text; len(rest) > 0; {
			n := min(len(rest), stream.MaxData)
			records = append(records, &stream.Text{Of: kind, Data: rest[:n], More: n < len(rest)})
			rest = rest[n:]
		}
	}
	return Experiment(w, key, records...)
}

// Values writes a stream with one experiment, of which n parameters, n others and
// the metadata of n assets have size bytes each.
func Values(w io.Writer, key string, n, size int) error {
	long := strings.Repeat("a", size)
	doc := func(text string) stream.Doc {
		d, err := stream.DocFromJSON([]byte(text))
		if err != nil {
			panic("bombs: " + err.Error())
		}
		return d
	}
	var records []stream.Record
	for _, kind := range []stream.Kind{stream.KindParameters, stream.KindOthers} {
		for i := range n {
			text := fmt.Sprintf(`{"name":"v%d","valueCurrent":%q,"timestampCurrent":1}`, i, long)
			records = append(records, &stream.Values{Of: kind, Values: []stream.Doc{doc(text)}})
		}
	}
	link, none := "s3://bucket/x", fmt.Sprintf("%x", sha256.Sum256(nil))
	for i := range n {
		name, text := fmt.Sprintf("asset %d", i), fmt.Sprintf(`{"metadata":"{\"note\":\"%s\"}"}`, long)
		records = append(records, &stream.Asset{ID: fmt.Sprintf("%032x", i), Name: &name, Remote: &link, Doc: doc(text)}, &stream.AssetEnd{SHA256: none})
	}
	return Experiment(w, key, records...)
}

// Experiment writes a stream with one experiment, of which it has these records.
func Experiment(w io.Writer, key string, records ...stream.Record) error {
	empty, err := stream.DocFromJSON([]byte(`{}`))
	if err != nil {
		return err
	}
	begin := []stream.Record{
		&stream.Header{Tool: "test", Source: stream.Source{URL: "https://source.example.com"}, Parents: []string{}, Requires: []string{}, Scope: stream.Scope{Paths: []string{}, Resources: []string{}}},
		&stream.Plan{Projects: []stream.PlannedProject{}, Workspaces: []string{}},
		&stream.Project{Workspace: "lab", Name: "texts", Experiments: 1, Doc: empty},
		&stream.Experiment{Key: key, Workspace: "lab", Project: "texts", Doc: empty, Tags: []string{}},
	}
	sw := stream.NewWriter(w, stream.WriterOptions{BlockSize: 15 << 20})
	for _, rec := range slices.Concat(begin, records, []stream.Record{&stream.ExperimentEnd{Key: key}}) {
		if err := sw.Write(rec); err != nil {
			return err
		}
	}
	return sw.Close()
}

// Replaced returns a middleware that answers calls of the REST API by their
// path.
func Replaced(answers map[string]http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, path, ok := strings.Cut(r.URL.Path, "/rest/v2/"); ok && answers[path] != nil {
				w.Header().Set("Content-Type", "application/json")
				answers[path](w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Document answers with what begins a document, n zeros, and what ends it.
func Document(head, tail string, n int) http.HandlerFunc {
	return Packed(func(w io.Writer) {
		io.WriteString(w, head)
		zeros := bytes.Repeat([]byte{'0'}, 1<<20)
		for left := n; left > 0; left -= len(zeros) {
			w.Write(zeros[:min(left, len(zeros))])
		}
		io.WriteString(w, tail)
	})
}

// Packed answers with what write writes, compressed: the tools always ask for
// that. A write to it does not fail.
func Packed(write func(io.Writer)) http.HandlerFunc {
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		panic("bombs: " + err.Error())
	}
	write(zw)
	zw.Close()
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(buf.Bytes())
	}
}

// Patch answers with a zip file of a patch of n bytes, and a thousandth of that
// size.
func Patch(n int64) http.HandlerFunc {
	var file, block bytes.Buffer
	fw, err := flate.NewWriter(&block, flate.BestCompression)
	if err == nil {
		// What is written before a flush does not depend on what came before it.
		fw.Write(make([]byte, 1<<20))
		err = fw.Flush()
	}
	zw := zip.NewWriter(&file)
	w, err2 := zw.CreateRaw(&zip.FileHeader{Name: "git_diff.patch", Method: zip.Deflate, UncompressedSize64: uint64(n)})
	if err != nil || err2 != nil {
		panic(fmt.Sprintf("bombs: %v, %v", err, err2))
	}
	for range n >> 20 {
		w.Write(block.Bytes())
	}
	zw.Close()
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(file.Bytes())
	}
}

// List answers with a list of n elements in a member, each as write writes it.
func List(member string, n int, write func(w io.Writer, i int)) http.HandlerFunc {
	return Packed(func(w io.Writer) {
		fmt.Fprintf(w, `{%q:[`, member)
		for i := range n {
			if i > 0 {
				io.WriteString(w, ",")
			}
			write(w, i)
		}
		io.WriteString(w, `]}`)
	})
}

// AssetList answers with a list of n remote assets.
func AssetList(n int) http.HandlerFunc {
	return List("assets", n, func(w io.Writer, i int) {
		fmt.Fprintf(w, `{"assetId":"%032x","fileName":"shards/part-%06d.tar","fileSize":0,"type":"asset","dir":"others","step":%d,`+
			`"remote":true,"link":"s3://bucket/data/part-%06d.tar","metadata":"{\"rows\":%d}","createdAt":%d}`, i, i, i, i, i*7, i)
	})
}

// ValueList answers with a list of n parameters, others or summaries of metrics.
func ValueList(n int) http.HandlerFunc {
	return List("values", n, func(w io.Writer, i int) {
		fmt.Fprintf(w, `{"name":"layer%06d/weight/norm","valueMin":"%d","valueMax":"%d","valueCurrent":"%d","timestampMin":%d,"timestampMax":%d,"timestampCurrent":%d}`, i, i, i, i, i, i, i)
	})
}

// Points answers with a list of a point for each of n metrics.
func Points(n int) http.HandlerFunc {
	return List("metrics", n, func(w io.Writer, i int) {
		fmt.Fprintf(w, `{"metricName":"layer%06d/weight/norm","metricValue":"%d.5","timestamp":%d,"step":%d}`, i, i, i, i)
	})
}
