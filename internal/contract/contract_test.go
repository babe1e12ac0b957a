package contract

import (
	"path/filepath"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// writes are the scripts that make a project, in their order.
var writes = []string{"live.py", "offline.py", "start.py", "rest.py", "artifacts.py", "registry.py", "autolog.py", "awkward.py"}

func TestContract(t *testing.T) {
	eachClient(t, func(t *testing.T, c client) {
		src, dst := start(t, comettest.Options{}), start(t, comettest.Options{})
		for _, script := range writes {
			c.run(t, src, script).must(t)
		}
		before := c.read(t, src, src.URL())
		move(t, src, dst)
		for _, d := range differing(before, c.read(t, dst, src.URL())) {
			t.Error(d)
		}
		c.run(t, dst, "after.py").must(t)
		if !t.Failed() {
			inTable(t, "comet_ml", c.version)
		}
	})
}

// read reads all that a server holds through the SDK. Texts may hold the address
// origin, of the server that they were written to.
func (c client) read(t *testing.T, srv *comettest.Server, origin string) map[string]string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "answers")
	c.run(t, srv, "read.py", out).must(t)
	return readAnswers(t, out, origin)
}
