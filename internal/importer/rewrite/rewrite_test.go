package rewrite

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	gocmp "github.com/google/go-cmp/cmp"
)

func experimentKey(n int) string { return fmt.Sprintf("%032x", 0xabc000000+int64(n)) }
func assetID(n int) string       { return fmt.Sprintf("%032x", 0xdef000000+int64(n)) }

// testReferences change one id, one key and the address.
func testReferences() *References {
	ids := map[string]string{assetID(1): assetID(101), assetID(2): assetID(2), "oddid-0123456789ab": "longer-" + assetID(3)}
	keys := map[string]string{experimentKey(1): experimentKey(101), experimentKey(2): experimentKey(2)}
	return &References{
		Key:   func(k string) (string, bool) { now, ok := keys[k]; return now, ok },
		Asset: func(id string) (string, bool) { now, ok := ids[id]; return now, ok },
		From:  "https://www.comet.com", To: "http://10.0.0.1:5000",
	}
}

func TestRewrite(t *testing.T) {
	tests := []struct {
		name, in, want string
		changes        int
		unknown        []string
	}{
		{"nothing", `{"labels":["a","b"],"type":"image"}`, "", 0, nil},
		{"an id", `{"assetId":"` + assetID(1) + `","index":1}`, `{"assetId":"` + assetID(101) + `","index":1}`, 1, nil},
		{"an id that stays", `{"assetId":"` + assetID(2) + `"}`, "", 0, nil},
		{"null", `{"assetId":null,"sample":"x"}`, "", 0, nil},
		{"spaces", `{"assetId": "` + assetID(1) + `"}`, `{"assetId": "` + assetID(101) + `"}`, 1, nil},
		{"escaped JSON", `"{\"asset_id\": \"` + assetID(1) + `\"}"`, `"{\"asset_id\": \"` + assetID(101) + `\"}"`, 1, nil},
		{"a link", `"/api/asset/download?assetId=` + assetID(1) + `&experimentKey=` + experimentKey(1) + `"`,
			`"/api/asset/download?assetId=` + assetID(101) + `&experimentKey=` + experimentKey(101) + `"`, 2, nil},
		{"a whole link", "https://www.comet.com/api/image/download?imageId=" + assetID(2) + "&experimentKey=" + experimentKey(2),
			"http://10.0.0.1:5000/api/image/download?imageId=" + assetID(2) + "&experimentKey=" + experimentKey(2), 1, nil},
		{"escaped slashes", `https:\/\/www.comet.com\/api\/asset`, `http:\/\/10.0.0.1:5000\/api\/asset`, 1, nil},
		{"another page of the address", "see https://www.comet.com/docs/api", "", 0, nil},
		{"unknown", `{"assetId":"abc"},{"assetId":"abc"},{"imageId":"x-1"} experimentKey=` + experimentKey(9), "", 0, []string{"abc", "x-1", experimentKey(9)}},
		{"part of a word", "x" + assetID(1) + " " + assetID(1) + "y _" + assetID(1), "", 0, nil},
		{"bare", assetID(1) + "," + experimentKey(1), assetID(101) + "," + experimentKey(101), 2, nil},
		{"another length", `assetId=oddid-0123456789ab&x`, `assetId=longer-` + assetID(3) + `&x`, 1, nil},
		{"not a reference", `{"assetIds":{"size":12},"assetId_":"abc"}`, "", 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.in
			}
			pad := strings.Repeat(" padding, ", 8000)
			for _, in := range []io.Reader{
				strings.NewReader(pad + tt.in + pad), iotest.OneByteReader(strings.NewReader(pad + tt.in + pad)),
				iotest.DataErrReader(strings.NewReader(pad + tt.in + pad)),
			} {
				var out bytes.Buffer
				found, err := testReferences().rewrite(&out, in, false)
				if err != nil || out.String() != pad+tt.want+pad {
					t.Fatalf("%v, got %q", err, strings.ReplaceAll(out.String(), " padding, ", ""))
				}
				if found.Changes != tt.changes || gocmp.Diff(tt.unknown, found.Unknown) != "" {
					t.Errorf("found %+v", found)
				}
			}
		})
	}
}

// TestRewriteWindows moves a reference over the borders of the buffer.
func TestRewriteWindows(t *testing.T) {
	in, want := `"assetId":"`+assetID(1)+`"`, `"assetId":"`+assetID(101)+`"`
	for at := 64<<10 - 600; at < 64<<10+10; at += 7 {
		pad := strings.Repeat("-", at)
		var out bytes.Buffer
		if _, err := testReferences().rewrite(&out, strings.NewReader(pad+"."+in+"."), false); err != nil || out.String() != pad+"."+want+"." {
			t.Fatalf("at %d: %v", at, err)
		}
	}
}

func TestRewriteBinary(t *testing.T) {
	in := "\x00\x01" + assetID(1) + "\x00oddid-0123456789ab\x00https://www.comet.com/api/x"
	var out bytes.Buffer
	found, err := testReferences().rewrite(&out, strings.NewReader(in), true)
	want := strings.Replace(in, assetID(1), assetID(101), 1)
	if err != nil || out.String() != want || found.Changes != 1 || found.Blocked != 1 {
		t.Errorf("%v, %+v, %q", err, found, out.String())
	}
}

func TestRewriteErrors(t *testing.T) {
	long := strings.Repeat("x ", 100_000)
	if _, err := testReferences().rewrite(io.Discard, iotest.TimeoutReader(strings.NewReader(long)), false); err != iotest.ErrTimeout {
		t.Errorf("read: %v", err)
	}
	pr, pw := io.Pipe()
	pr.CloseWithError(io.ErrShortWrite)
	if _, err := testReferences().rewrite(pw, strings.NewReader(long), false); err != io.ErrShortWrite {
		t.Errorf("write: %v", err)
	}
}

// bytesContent is content in memory.
type bytesContent struct{ *bytes.Reader }

func (b bytesContent) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(b.Reader, 0, b.Size())), nil
}

func zipOf(t *testing.T, entries ...string) []byte {
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		w, err := zw.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, entries[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRewriteZip(t *testing.T) {
	plain := strings.Repeat("nothing here ", 1000)
	data := zipOf(t, "a.json", `{"asset_id":"`+assetID(1)+`"}`, "b.txt", plain, "c.bin", "\x00"+assetID(1)+"\x00")
	refs := testReferences()
	w, err := refs.Content(bytesContent{bytes.NewReader(data)}, int64(len(data)))
	if err != nil || w.Changes != 2 {
		t.Fatalf("%v, %+v", err, w)
	}
	for range 2 {
		rc, err := w.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(rc)
		if err != nil || int64(len(got)) != w.Size {
			t.Fatalf("%d bytes, want %d, %v", len(got), w.Size, err)
		}
		if err := rc.Close(); err != nil {
			t.Error(err)
		}
		zr, err := zip.NewReader(bytes.NewReader(got), int64(len(got)))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{`{"asset_id":"` + assetID(101) + `"}`, plain, "\x00" + assetID(101) + "\x00"}
		for i, f := range zr.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r); err != nil || string(text) != want[i] {
				t.Errorf("%s: %v, %q", f.Name, err, text)
			}
		}
	}
	// One that nobody reads to its end must not leave a goroutine.
	rc, err := w.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := rc.Close(); err != nil {
		t.Error(err)
	}
}

// TestRewriteOddFiles leaves alone what cannot be read.
func TestRewriteOddFiles(t *testing.T) {
	whole := zipOf(t, "a.json", `{"asset_id":"`+assetID(1)+`"}`)
	bad := bytes.Clone(whole)
	bad[40] ^= 0xff
	for name, data := range map[string][]byte{"cut": whole[:len(whole)-5], "damaged": bad, "no zip": []byte("PK\x03\x04 hello"), "empty": {}} {
		w, err := testReferences().Content(bytesContent{bytes.NewReader(data)}, int64(len(data)))
		if err != nil || w.Changes != 0 {
			t.Errorf("%s: %v, %+v", name, err, w)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add([]byte(`{"assetId":"` + assetID(1) + `"}`))
	f.Add([]byte("https://www.comet.com/api/x?assetId=" + assetID(2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		refs := testReferences()
		var out bytes.Buffer
		found, err := refs.rewrite(&out, bytes.NewReader(data), false)
		if err != nil {
			t.Fatal(err)
		}
		if found.Changes == 0 && !bytes.Equal(out.Bytes(), data) {
			t.Fatalf("changed without a change: %q", out.Bytes())
		}
		var again bytes.Buffer
		if found, err := refs.rewrite(&again, bytes.NewReader(out.Bytes()), false); err != nil || found.Changes > 0 {
			t.Fatalf("%v, a second pass changes %d", err, found.Changes)
		}
	})
}
