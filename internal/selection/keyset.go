package selection

import "hash/maphash"

// A keySet remembers experiment keys by a hash, eight bytes each: a workspace has
// room for millions.
type keySet struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
}

func (k *keySet) add(key string) {
	if k.hashes == nil {
		k.seed, k.hashes = maphash.MakeSeed(), make(map[uint64]struct{})
	}
	k.hashes[maphash.String(k.seed, key)] = struct{}{}
}

func (k *keySet) has(key string) bool {
	if k.hashes == nil {
		return false
	}
	_, ok := k.hashes[maphash.String(k.seed, key)]
	return ok
}
