package filter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
)

// A referenceHash is a SHA-256 of the content of such an asset without the
// address of the instance before the paths of API calls.
type referenceHash struct {
	hash  hash.Hash
	calls []call
	rest  []byte // not hashed yet: it may begin with an address
}

// A call is how the address and the beginning of a path may occur in a content.
type call struct{ address, path string }

// newReferenceHash returns the hash of a content that came from url.
func newReferenceHash(url string) *referenceHash {
	h := &referenceHash{hash: sha256.New()}
	if url = strings.TrimRight(url, "/"); url != "" {
		h.calls = []call{{url, "/api/"}, {strings.ReplaceAll(url, "/", `\/`), `\/api\/`}}
	}
	return h
}

func (h *referenceHash) write(p []byte) {
	h.rest = append(h.rest, p...)
	for {
		i, n := h.find()
		if n == 0 {
			break
		}
		h.hash.Write(h.rest[:i])
		h.rest = h.rest[i+n:]
	}
	keep := 0
	for _, c := range h.calls {
		keep = max(keep, len(c.address)+len(c.path)-1)
	}
	done := max(0, len(h.rest)-keep)
	h.hash.Write(h.rest[:done])
	h.rest = append(h.rest[:0], h.rest[done:]...)
}

// find returns where the next address is that is left out, and its length, 0 if
// there is none.
func (h *referenceHash) find() (at, n int) {
	for _, c := range h.calls {
		i := bytes.Index(h.rest, []byte(c.address+c.path))
		if i >= 0 && (n == 0 || i < at) {
			at, n = i, len(c.address)
		}
	}
	return at, n
}

// sum returns the hash of all that was written, in hex.
func (h *referenceHash) sum() string {
	h.hash.Write(h.rest)
	h.rest = nil
	return hex.EncodeToString(h.hash.Sum(nil))
}
