// Package unpack bounds what compressed bytes of others may become, and reads
// zip files as they come.
package unpack

import (
	"errors"
	"fmt"
	"io"
)

// The size that is unpacked without checking the ratio, and the ratio beyond it.
// Text that repeats itself unpacks to a thousand times its size as zeros do, so
// that the ratio alone says nothing: logs of real training shrink to between a
// fifth and a fiftieth.
const (
	free  = 512 << 20
	ratio = 100
)

// ErrRatio says that something unpacks to much more than it was made of.
var ErrRatio = errors.New("it unpacks to too many bytes")

// A Guard watches one compressed body. The zero value is ready.
type Guard struct{ packed, unpacked int64 }

// Packed returns r, which holds the compressed bytes, with what is read of it
// counted.
func (g *Guard) Packed(r io.Reader) io.Reader { return &counted{r, g} }

// Unpacked returns r, which holds what the compressed bytes become, up to where
// that is too much: from there on it gives an error that is [ErrRatio].
func (g *Guard) Unpacked(r io.Reader) io.Reader { return &guarded{r, g} }

// Bounded returns r, which unpacks so many bytes, up to where that is too much.
func Bounded(r io.Reader, packed int64) io.Reader { return (&Guard{packed: packed}).Unpacked(r) }

// add counts unpacked bytes.
func (g *Guard) add(n int) error {
	g.unpacked += int64(n)
	if g.unpacked > free && g.unpacked/ratio > g.packed {
		return fmt.Errorf("%w: over %d MiB, and over %d times its %d bytes", ErrRatio, g.unpacked>>20, ratio, g.packed)
	}
	return nil
}

type counted struct {
	r io.Reader
	g *Guard
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.g.packed += int64(n)
	return n, err
}

type guarded struct {
	r io.Reader
	g *Guard
}

func (u *guarded) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if over := u.g.add(n); over != nil {
		return 0, over
	}
	return n, err
}
