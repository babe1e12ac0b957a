package filter

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
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
