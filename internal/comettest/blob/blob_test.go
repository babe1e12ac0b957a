package blob_test

import (
	"os"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
)

// Small blobs need no directory, and Close leaves none.
func TestDirTemporary(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("TMP", tmp) // of Windows
	entries := func() int {
		t.Helper()
		list, err := os.ReadDir(tmp)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	d, err := blob.NewDir("", false)
	if err != nil {
		t.Fatal(err)
	}
	read := func(content string) (*blob.Blob, error) { return d.Read(strings.NewReader(content), -1) }
	if b, err := read("small"); err != nil || b.Size != 5 || entries() != 0 {
		t.Errorf("small blob: %+v, %v, with %d entries", b, err, entries())
	}
	if b, err := read(strings.Repeat("x", 10_000)); err != nil || b.Size != 10_000 || entries() != 1 {
		t.Errorf("large blob: %+v, %v, with %d entries", b, err, entries())
	}
	if err := d.Close(); err != nil || entries() != 0 {
		t.Errorf("close: %v, with %d entries", err, entries())
	}
	if d, err = blob.NewDir("", false); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if b, err := read(strings.Repeat("x", 10_000)); err == nil {
		t.Errorf("a closed directory keeps a large blob: %+v", b)
	}
}
