package spool

import (
	"testing"
)

// BenchmarkWrite takes an item that goes to a file, in pieces as a stream has them.
func BenchmarkWrite(b *testing.B) {
	const size, piece = 128 << 20, 1 << 20
	s := NewSpooler(b.TempDir(), 1<<20, size)
	data := make([]byte, piece)
	b.SetBytes(size)
	for b.Loop() {
		sp, err := s.Open(b.Context(), size)
		if err != nil {
			b.Fatal(err)
		}
		for range size / piece {
			if _, err := sp.Write(data); err != nil {
				b.Fatal(err)
			}
		}
		sp.Close()
	}
}
