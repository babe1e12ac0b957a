package spool

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSpool(t *testing.T) {
	for name, tt := range map[string]struct {
		announced int64
		size      int
		onDisk    bool
	}{
		"empty":                {0, 0, false},
		"small":                {10, 10, false},
		"at the limit":         {SmallItem, SmallItem, false},
		"over the limit":       {SmallItem + 1, SmallItem + 1, true},
		"not announced":        {-1, 10, false},
		"not announced, large": {-1, 3*SmallItem + 5, true},
		"more than announced":  {10, 20, false},
		"much more":            {10, 2*SmallItem + 1, true},
		"less":                 {3 * SmallItem, 5, true},
		"nothing of much":      {3 * SmallItem, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := NewSpooler(dir, 2*SmallItem, 8*SmallItem)
			sp, err := s.Open(t.Context(), tt.announced)
			if err != nil {
				t.Fatal(err)
			}
			data := bytes.Repeat([]byte("0123456789abcde\n"), tt.size/16+1)[:tt.size]
			for part := data; len(part) > 0; {
				n := min(len(part), 100_000)
				if _, err := sp.Write(part[:n]); err != nil {
					t.Fatal(err)
				}
				part = part[n:]
			}
			sp.Shrink()
			for range 2 {
				rc, err := sp.Open()
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(rc); err != nil || !bytes.Equal(got, data) {
					t.Errorf("read %d bytes, %v", len(got), err)
				}
			}
			if (sp.file != nil) != tt.onDisk {
				t.Errorf("on disk: %v", sp.file != nil)
			}
			if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) > 0 {
				t.Errorf("files with names: %v", files)
			}
			for range 2 {
				sp.Close()
			}
			if !s.memory.TryAcquire(2*SmallItem) || !s.disk.TryAcquire(8*SmallItem) {
				t.Error("room was not given back")
			}
		})
	}
}

func TestSpoolBudget(t *testing.T) {
	s := NewSpooler(t.TempDir(), SmallItem, 4*SmallItem)
	if _, err := s.Open(t.Context(), 5*SmallItem); !errors.Is(err, ErrOverBudget) {
		t.Errorf("too large: %v", err)
	}
	first, err := s.Open(t.Context(), 3*SmallItem)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.Open(ctx, 2*SmallItem); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second: %v", err)
	}
	grows, err := s.Open(t.Context(), -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := grows.Write(make([]byte, 2*SmallItem)); !errors.Is(err, ErrOverBudget) {
		t.Errorf("grown: %v", err)
	}
	first.Close()
	grows.Close()
	if !s.memory.TryAcquire(SmallItem) || !s.disk.TryAcquire(4*SmallItem) {
		t.Error("room was not given back")
	}
}

func TestSpoolNoPlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	sp, err := NewSpooler(dir, SmallItem, 1<<30).Open(t.Context(), 2*SmallItem)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sp.Write([]byte("x"))
	path, ok := errors.AsType[*os.PathError](err)
	if _, temp := errors.AsType[*TempError](err); !temp || !ok || filepath.Dir(path.Path) != dir {
		t.Errorf("got %v", err)
	}
	sp.Close()
}
