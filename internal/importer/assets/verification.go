package assets

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// expected is an asset that a verification has to find, in few bytes: there are as
// many as the stream has.
type expected struct {
	id, name string // at the source
	size     int64
	sha256   [sha256.Size]byte
	remote   *string
}

func (x *expected) sum() content.Sum {
	return content.Sum{Size: x.size, SHA256: hex.EncodeToString(x.sha256[:])}
}

// ReadBack compares the list, and the bytes of each asset.
func (as *Assets) ReadBack(ctx context.Context) ([]report.Issue, error) {
	as.findings = report.Findings{}
	err := as.compare(ctx)
	return as.findings.Issues(), err
}

func (as *Assets) addFinding(x *expected, reason string, args ...any) {
	as.findings.Add(report.Issue{Kind: string(stream.KindAsset), Name: cmp.Or(x.name, x.id), Reason: fmt.Sprintf(reason, args...)})
}

func (as *Assets) compare(ctx context.Context) error {
	if len(as.want) == 0 && !as.Whole {
		return nil
	}
	if err := as.fingerprints.resolveIDs(ctx); err != nil {
		return err
	}
	as.Free()
	have, err := as.inventory.readInTurn(ctx)
	if err != nil {
		return err
	}
	defer have.Free()
	slices.SortFunc(as.want, func(a, b expected) int { return strings.Compare(a.id, b.id) })
	found := make(map[uint64]bool)
	for i := range as.want {
		x := &as.want[i]
		id, _ := as.ids.now(x.id)
		t, ok := have.get(id)
		if ok {
			found[document.Hash(id)] = true
		}
		switch {
		case !ok:
			as.addFinding(x, "missing at the destination")
		case t.remote != (x.remote != nil):
			as.addFinding(x, "remote is %v in the stream, %v at the destination", x.remote != nil, t.remote)
		case t.linksElsewhere(x.remote):
			as.addFinding(x, otherLink)
		case t.remote:
		case t.size != x.size:
			as.addFinding(x, "%d bytes in the stream, %d at the destination", x.size, t.size)
		default:
			if err := as.bytes(ctx, x, id); err != nil {
				return err
			}
		}
	}
	return as.reportExtra(ctx, have, found)
}

// reportExtra reports the assets of the destination that the stream does not
// have.
func (as *Assets) reportExtra(ctx context.Context, have *listing, found map[uint64]bool) error {
	if have.Len() <= len(found) || !as.Whole || as.skipped[""] {
		return nil
	}
	equal := make(map[uint64]bool)
	for id := range found {
		t, _ := have.Get(id)
		equal[t.fingerprint] = true
	}
	before := as.findings
	err := as.inventory.each(ctx, func() { as.findings = before }, func(a *comet.Asset) error {
		id := document.Hash(a.ID)
		t, listed := have.Get(id)
		made := a.Type == stream.AssetFullMetric || a.Type == stream.AssetCombinedHistogram // by the server, of others
		if !listed || found[id] || as.skipped[a.ID] || made {
			return nil
		}
		i := report.Issue{Kind: string(stream.KindAsset), Name: strings.Clone(cmp.Or(a.Name, a.ID)), Reason: upload.ReasonExtra}
		if equal[t.fingerprint] {
			i.Reason = "the destination has an identical asset under another id"
		}
		as.findings.Add(i)
		return nil
	})
	as.findings.Sort(before.Len())
	return err
}

func (as *Assets) bytes(ctx context.Context, want *expected, id string) error {
	have, err := as.inventory.content(ctx, id)
	if err != nil {
		return err
	}
	if have != want.sum() {
		as.addFinding(want, "SHA-256 mismatch: the bytes differ from those in the stream")
	}
	return nil
}
