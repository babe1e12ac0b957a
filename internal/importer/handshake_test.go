package importer

import (
	"fmt"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// oddHandshakes are answers to a handshake that are none.
var oddHandshakes = map[string]answers{
	"empty object": {status: 200, body: `{}`},
	"no content":   {status: 204},
	"acknowledged": {status: 200, body: `{"msg":"Saved","code":200}`},
	"error":        {status: 200, body: `{"msg":"Internal error","code":500}`},
	"page":         {status: 200, typ: "text/html", body: `<html>wait</html>`},
	"of another":   {status: 200, body: `{"runId":"R","experimentKey":"` + testKey(9) + `"}`},
	"conflict":     {status: 409, typ: "text/plain", body: `conflict`},
	"gone":         {status: 410, typ: "text/html", body: `<html>gone</html>`},
}

// TestOddHandshake imports again what is there, and any one of the handshakes is
// answered oddly: nothing is taken for new, and nothing doubled.
func TestOddHandshake(t *testing.T) {
	p := twoExperiments()
	data := streamOf(t, p)
	for _, taken := range []string{"", "answer"} {
		for name, odd := range oddHandshakes {
			for n := int64(1); n <= 4; n++ {
				for _, done := range []bool{false, true} {
					cell := fmt.Sprintf("taken %q, handshake %d: %s, done %v", taken, n, name, done)
					struck := nth("logger/add/run", n)
					odd.chosen, odd.done = nth("logger/add/run", -1), done
					srv := newServer(t, comettest.Options{Moods: comettest.Moods{TakenKeys: taken}, Middleware: odd.middleware})
					importTo(t, newClient(t, srv), data, Options{Experiments: 1}).succeed(t)
					want := stateOf(srv)
					odd.chosen = struck
					r := importTo(t, newClient(t, srv), data, Options{Experiments: 1})
					if r.err != nil && odd.status < 300 || r.Created > 0 || r.Points > 0 || r.Assets > 0 {
						t.Errorf("%s: %v, %+v", cell, r.err, r.Summary)
					}
					diffStates(t, cell, want, stateOf(srv))
				}
			}
		}
	}
}
