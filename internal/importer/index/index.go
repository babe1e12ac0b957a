// Package index holds what a destination lists of an experiment by the hashes of
// names: sorted, in few bytes an entry, and no more of it than there is room for.
//
// It knows neither what is listed nor servers.
package index

import (
	"cmp"
	"slices"
	"sort"
	"unsafe"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
)

// An Index is filled with [Index.Put] and then sealed. After that many goroutines
// may read it.
type Index[V any] struct {
	share   *flow.Share
	buckets [64][]entry[V] // by the first bits of the hash, so that one grows at a time
	n, room int            // entries, and for how many a share was taken
}

type entry[V any] struct {
	hash  uint64
	value V
}

// New returns an index without entries, that takes memory of a share.
func New[V any](share *flow.Share) *Index[V] { return &Index[V]{share: share} }

// Max is how many entries of one list are held. No server that is meant well has
// as many.
const Max = 1 << 19

// step is for how many entries room is taken at a time.
const step = 1 << 10

// Put adds an entry. more is what the value takes in addition to itself, in
// bytes.
func (x *Index[V]) Put(hash uint64, v V, more int) error {
	if x.n == Max {
		return answer.Limitf("the destination lists more than %d", Max)
	}
	size := int(unsafe.Sizeof(entry[V]{}))
	if x.room < size+more {
		take := step*size + more
		if err := x.share.Take(int64(take)); err != nil {
			return err
		}
		x.room += take
	}
	x.room -= size + more
	b := &x.buckets[hash>>58]
	*b = append(*b, entry[V]{hash, v})
	x.n++
	return nil
}

// Seal sorts the entries. Of several entries with the same hash the last one
// counts.
func (x *Index[V]) Seal() {
	x.n = 0
	for i, b := range x.buckets {
		slices.Reverse(b)
		slices.SortStableFunc(b, func(a, b entry[V]) int { return cmp.Compare(a.hash, b.hash) })
		b = slices.CompactFunc(b, func(a, b entry[V]) bool { return a.hash == b.hash })
		x.buckets[i] = b
		x.n += len(b)
	}
}

// Get returns the entry of a hash.
func (x *Index[V]) Get(hash uint64) (v V, ok bool) {
	b := x.buckets[hash>>58]
	if i := sort.Search(len(b), func(i int) bool { return b[i].hash >= hash }); i < len(b) && b[i].hash == hash {
		return b[i].value, true
	}
	return v, false
}

// Len returns how many entries there are.
func (x *Index[V]) Len() int { return x.n }

// Each calls f for each entry, in the order of their hashes.
func (x *Index[V]) Each(f func(hash uint64, v V)) {
	for _, b := range x.buckets {
		for i := range b {
			f(b[i].hash, b[i].value)
		}
	}
}

// Free releases its share. An index that is nil has taken none.
func (x *Index[V]) Free() {
	if x != nil {
		x.share.Free()
	}
}
