package comet

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// A patch that is too long for memory is wrapped again for each try, to the same
// bytes.
func TestZipPatchLarge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	for b.Len() < 3*smallFile {
		b.WriteByte(byte(r.Uint32()))
	}
	file, err := zipPatch(api.TextContent(b.String()))
	if err != nil || file.Size <= smallFile {
		t.Fatalf("%d bytes, %v", file.Size, err)
	}
	first := readContent(t, file)
	if again := readContent(t, file); again != first {
		t.Error("the second try sends other bytes")
	}
	patch, err := streamPatch(iotest.HalfReader(strings.NewReader(first)), new(otherFiles))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(patch); err != nil || string(got) != b.String() {
		t.Errorf("%d bytes come back, %v", len(got), err)
	}
	// Who stops early is not waited for.
	rc, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rc.Read(make([]byte, 1)); err != nil || rc.Close() != nil {
		t.Error(err)
	}
}
