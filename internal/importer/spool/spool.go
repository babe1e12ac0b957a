// Package spool keeps bytes that wait to be written: in memory while they are few,
// else in files without a name, under a bound on both.
package spool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	"golang.org/x/sync/semaphore"
)

// SmallItem is the size up to which an item is kept in memory.
const SmallItem = 1 << 20

// ErrOverBudget says that an item does not fit what --temp-max leaves.
var ErrOverBudget = errors.New("larger than the space for temporary files (raise --temp-max)")

// A Spooler hands out space for items that have to be whole before they can be
// written: in memory for small ones, else in files that have no name.
type Spooler struct {
	dir    string
	most   int64 // of all files together
	memory *semaphore.Weighted
	disk   *semaphore.Weighted
}

// NewSpooler returns a spooler with its files in dir, "" for the usual place.
func NewSpooler(dir string, memory, disk int64) *Spooler {
	return &Spooler{dir: dir, most: disk, memory: semaphore.NewWeighted(memory), disk: semaphore.NewWeighted(disk)}
}

// A Spool takes an item and gives it back as often as it is wanted. It is
// written by one goroutine; once that is over any number may read it, and
// before that who follows it by a tail. It must be closed.
type Spool struct {
	s        *Spooler
	reserved int64 // bytes of the budget that it holds
	OnDisk   bool  // of which budget
	mem      []byte
	file     *os.File
	name     string // of a file that could not be removed at once
	Tail     *Tail  // nil, or who reads it while it is written
	Size     int64
	sum      hash.Hash
}

// Open waits for space for an item of the announced size, -1 if it is not known.
// An item that can never have its space gets [ErrOverBudget].
func (s *Spooler) Open(ctx context.Context, size int64) (*Spool, error) {
	sp := &Spool{s: s, sum: sha256.New()}
	if size > SmallItem {
		if size > s.most {
			return nil, ErrOverBudget
		}
		sp.OnDisk, sp.reserved = true, size
		if err := s.disk.Acquire(ctx, size); err != nil {
			return nil, context.Cause(ctx)
		}
		return sp, nil
	}
	// Items of unknown size are mostly small.
	if size < 0 {
		size = SmallItem
	}
	sp.reserved = size
	if err := s.memory.Acquire(ctx, size); err != nil {
		return nil, context.Cause(ctx)
	}
	return sp, nil
}

// Write takes the next part of the item. Its errors name the place where the
// files are.
func (sp *Spool) Write(p []byte) (int, error) {
	if err := sp.room(sp.Size + int64(len(p))); err != nil {
		return 0, err
	}
	if sp.file == nil {
		sp.sum.Write(p)
		sp.mem = append(sp.mem, p...)
	} else if err := sp.writeFile(p); err != nil {
		return 0, &TempError{err}
	}
	sp.Size += int64(len(p))
	if sp.Tail != nil {
		sp.Tail.Grow(sp.Size)
	}
	return len(p), nil
}

// writeFile writes to the file, and hashes meanwhile: either takes about as long.
func (sp *Spool) writeFile(p []byte) error {
	hashed := make(chan struct{})
	go func() {
		sp.sum.Write(p)
		close(hashed)
	}()
	_, err := sp.file.Write(p)
	<-hashed
	return err
}

// TempError is a failure of the place for temporary files.
type TempError struct{ err error }

func (e *TempError) Error() string { return "temporary file: " + e.err.Error() }
func (e *TempError) Unwrap() error { return e.err }

func (sp *Spool) room(size int64) error {
	if size <= sp.reserved {
		if sp.OnDisk && sp.file == nil {
			return sp.toDisk()
		}
		return nil
	}
	if !sp.OnDisk && size <= SmallItem && sp.s.memory.TryAcquire(SmallItem-sp.reserved) {
		sp.reserved = SmallItem
		return nil
	}
	return sp.grow(size)
}

// grow takes more of the budget for an item that turns out larger than announced.
// It does not wait for it: two that wait for each other would wait forever.
func (sp *Spool) grow(size int64) error {
	want := max(size, min(2*size, 64<<20))
	have := sp.reserved
	if !sp.OnDisk {
		have = 0
	}
	if !sp.s.disk.TryAcquire(want - have) {
		want = size
		if !sp.s.disk.TryAcquire(want - have) {
			return ErrOverBudget
		}
	}
	if !sp.OnDisk {
		sp.s.memory.Release(sp.reserved)
	}
	sp.OnDisk, sp.reserved = true, want
	if sp.file == nil {
		return sp.toDisk()
	}
	return nil
}

func (sp *Spool) toDisk() error {
	f, err := os.CreateTemp(sp.s.dir, "comet-import-*")
	if err != nil {
		return &TempError{err}
	}
	sp.file = f
	// Without its name the file is gone with the process, however that ends.
	if os.Remove(f.Name()) != nil {
		sp.name = f.Name()
	}
	if _, err := f.Write(sp.mem); err != nil {
		return &TempError{err}
	}
	sp.mem = nil
	return nil
}

// Shrink gives back what was reserved for more than has come, once the item is
// whole.
func (sp *Spool) Shrink() {
	budget := sp.s.memory
	if sp.OnDisk {
		budget = sp.s.disk
	}
	if sp.reserved > sp.Size {
		budget.Release(sp.reserved - sp.Size)
		sp.reserved = sp.Size
	}
}

// SHA256 returns the hash of what has been written, in hexadecimal digits.
func (sp *Spool) SHA256() string { return hex.EncodeToString(sp.sum.Sum(nil)) }

// Open returns a reader of the whole item from its start.
func (sp *Spool) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(sp, 0, sp.Size)), nil
}

func (sp *Spool) ReadAt(p []byte, off int64) (int, error) {
	if sp.file == nil {
		return bytes.NewReader(sp.mem).ReadAt(p, off)
	}
	n, err := sp.file.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = &TempError{err}
	}
	return n, err
}

// Close releases the space. More calls do nothing. No error of it matters: all that
// could be lost is disk space of a file without a name.
func (sp *Spool) Close() {
	if !sp.IsOpen() {
		return
	}
	budget := sp.s.memory
	if sp.OnDisk {
		budget = sp.s.disk
	}
	if sp.file != nil {
		_ = sp.file.Close()
		if sp.name != "" {
			_ = os.Remove(sp.name)
		}
	}
	budget.Release(sp.reserved)
	sp.s, sp.mem = nil, nil
}

// IsOpen reports whether there is an item that has not been closed.
func (sp *Spool) IsOpen() bool { return sp != nil && sp.s != nil }
