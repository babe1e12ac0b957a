package api

import (
	"io"
	"strings"
	"testing"
)

// The last bytes of a body of known length come with its end, also where the
// connection reports it later: nobody then needs room to look for more.
func TestAssetEndsWithLastBytes(t *testing.T) {
	r := &resumed{rc: &sized{rc: io.NopCloser(strings.NewReader("content")), left: 7}, progress: func(int) {}, completed: func() {}}
	buf := make([]byte, 7)
	for _, want := range []int{7, 0} {
		if n, err := r.Read(buf); n != want || err != io.EOF {
			t.Errorf("%d bytes, %v; want %d, %v", n, err, want, io.EOF)
		}
	}
}
