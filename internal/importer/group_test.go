package importer

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// fullInbox returns a group where others have all the room, and a small record.
func fullInbox(t *testing.T) (*group, stream.Raw) {
	r := &run{inbox: newInbox(inboxMemory)}
	r.inbox.take(inboxMemory)
	raw, err := stream.Encode(&stream.Chunk{Data: make([]byte, stream.MaxData)})
	if err != nil {
		t.Fatal(err)
	}
	return newGroup(r), raw
}

// A group gets a small record even where others have all the room.
func TestGroupSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, raw := fullInbox(t)
		sent := 0
		go func() {
			for range 3 {
				if err := g.send(t.Context(), raw); err != nil {
					t.Error(err)
				}
				sent++
			}
			g.End(true)
		}()
		synctest.Wait()
		if sent != 1 {
			t.Errorf("%d records sent while nobody takes them, want 1", sent)
		}
		n := 0
		if err := g.each(func(stream.Record) error { n++; time.Sleep(time.Second); return nil }); err != nil || n != 3 {
			t.Errorf("%d records: %v", n, err)
		}
	})
}

// A record that waits for the spare place takes the room that comes back.
func TestGroupRoomComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, raw := fullInbox(t)
		sent := 0
		go func() {
			for range 4 {
				if g.send(t.Context(), raw) == nil {
					sent++
				}
			}
		}()
		synctest.Wait()
		g.r.inbox.give(2 * cost(raw))
		synctest.Wait()
		if sent != 3 {
			t.Errorf("%d records sent, want one in the spare place and two in the room that came back", sent)
		}
	})
}

// A large record that closes an asset comes through where others have all the
// room, and wait for what the asset has: the one before it in the stream has
// taken all room for records, and wants that for files.
func TestGroupSkippedLarge(t *testing.T) {
	small, first, second := testKey(1), testKey(2), testKey(3)
	p := testProject{workspace: "team", name: "p"}
	big := func(n int, size int) comettest.AssetSpec {
		return comettest.AssetSpec{ID: testID(n), Name: "big", Body: bytes.Repeat([]byte{'x'}, size)}
	}
	s := newScript(t, sourceURL)
	s.begin(p)
	s.write(&stream.Project{Workspace: p.workspace, Name: p.name})
	s.experiment(p, comettest.ExperimentSpec{Key: small, Start: start, End: start})
	s.experiment(p, comettest.ExperimentSpec{Key: first, Start: start, End: start, Assets: []comettest.AssetSpec{big(1, 7<<20)}})
	s.open(p, comettest.ExperimentSpec{Key: second, Start: start, End: start})
	s.openAsset(big(2, 0), 12<<20)
	s.chunks(bytes.Repeat([]byte{'x'}, stream.MaxData))
	s.write(
		&stream.Skipped{Of: stream.KindAsset, Experiment: &second, Workspace: "team", Name: ptr("big"), ID: ptr(testID(2)), Reason: strings.Repeat("gone, ", 400_000)},
		&stream.ExperimentEnd{Key: second},
	)
	data := s.close()

	up := &uploads{begun: make(chan struct{})}
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		next = up.middleware(next)
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/status-report/update") {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				if bytes.Contains(body, []byte(first)) {
					<-up.begun
				}
			}
			next.ServeHTTP(rw, r)
		})
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := importIn(ctx, t, newClient(t, srv), data, Options{Experiments: 1, TempMax: 16 << 20})
	if r.err != nil || r.Created != 3 || r.Skipped != 1 {
		t.Fatalf("%v, %+v", r.err, r.Summary)
	}
	if i := r.of(t, second).Issues[0]; len(i.Reason) > 10_000 || !strings.HasPrefix(i.Reason, "gone, gone") {
		t.Errorf("the reason has %d bytes", len(i.Reason))
	}
}
