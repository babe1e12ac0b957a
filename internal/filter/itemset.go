package filter

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/comet-stream/comet-stream/stream"
)

// A multiset is a set of hashes in which each may occur several times. Its sum
// does not depend on their order, and it needs no memory for them: it adds them
// up as numbers of 256 bits.
type multiset struct {
	n     uint64
	total [4]uint64 // least significant first
}

func (b *multiset) add(h [sha256.Size]byte) {
	b.n++
	var carry uint64
	for i := range b.total {
		b.total[i], carry = bits.Add64(b.total[i], binary.LittleEndian.Uint64(h[8*i:]), carry)
	}
}

func (b *multiset) sum() [sha256.Size]byte {
	text := binary.LittleEndian.AppendUint64([]byte("comet-stream sum 1\n"), b.n)
	for _, word := range b.total {
		text = binary.LittleEndian.AppendUint64(text, word)
	}
	return sha256.Sum256(text)
}

// An itemSet is the content of a thing: a multiset of items, each of which is hashed by itself.
type itemSet struct {
	items multiset
	item  []byte // the one that is being made
}

// begin begins an item; add adds to it, in a way that shows where each part
// ends, and put puts it into the multiset.
func (c *itemSet) begin(tag string) *itemSet {
	c.item = c.item[:0]
	return c.add(tag)
}

func (c *itemSet) add(parts ...string) *itemSet {
	for _, p := range parts {
		c.item = append(binary.BigEndian.AppendUint32(c.item, uint32(len(p))), p...)
	}
	return c
}

func (c *itemSet) put() { c.items.add(sha256.Sum256(c.item)) }

func (c *itemSet) list(tag string, list []string) {
	for _, text := range list {
		c.begin(tag).add(text).put()
	}
}

func (c *itemSet) point(name string, p *stream.Point) {
	c.begin("point").add(name)
	c.item = p.Value.AppendJSON(c.item)
	for _, v := range [...]stream.Int64{p.Time, p.Step, p.Epoch} {
		if v.OK {
			c.item = binary.BigEndian.AppendUint64(append(c.item, 1), uint64(v.V))
		} else {
			c.item = append(c.item, 0)
		}
	}
	if p.Context.OK {
		c.add("context", p.Context.V)
	}
	for name, value := range p.Extra.Members() {
		if text := textOf(value); text != "null" {
			c.add("extra", name, text)
		}
	}
	c.put()
}
