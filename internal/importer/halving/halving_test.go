package halving

import (
	"errors"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	gocmp "github.com/google/go-cmp/cmp"
)

func TestHalves(t *testing.T) {
	bad := map[int]bool{3: true, 97: true}
	var written []int
	calls := 0
	values := make([]int, 100)
	for i := range values {
		values[i] = i
	}
	var blamed []int
	rest, err := Write(values, func(part []int) error {
		calls++
		for _, v := range part {
			if bad[v] {
				return &comet.Error{Status: 400}
			}
		}
		written = append(written, part...)
		return nil
	}, func(v []int, err error) { blamed = append(blamed, v...) }, new(Refusals))
	if err != nil || len(rest) > 0 || len(written) != 98 || gocmp.Diff([]int{3, 97}, blamed) != "" || calls > 40 {
		t.Errorf("err %v, %d written, blamed %v, %d calls", err, len(written), blamed, calls)
	}
}

// TestHalvesAll writes values of which all, or all but a few, are refused with
// the same words.
func TestHalvesAll(t *testing.T) {
	for name, tt := range map[string]struct {
		good  func(i int) bool
		calls int // at most, for ten batches
	}{
		"none is taken":            {func(int) bool { return false }, 60},
		"every third is taken":     {func(i int) bool { return i%3 == 0 }, 21_000},
		"all but the first eighth": {func(i int) bool { return i >= 125 }, 4000},
		"the last eighth":          {func(i int) bool { return i >= 875 }, 21_000},
	} {
		t.Run(name, func(t *testing.T) {
			calls, want := 0, 0
			written, refused := make(map[int]int), make(map[int]int)
			before := new(Refusals)
			for batch := range 10 {
				values := make([]int, 1000)
				for i := range values {
					values[i] = batch*1000 + i
					if tt.good(i) {
						want++
					}
				}
				rest, err := Write(values, func(part []int) error {
					calls++
					for _, v := range part {
						if !tt.good(v % 1000) {
							return &comet.Error{Status: 402, Msg: "no"}
						}
					}
					for _, v := range part {
						written[v]++
					}
					return nil
				}, func(part []int, err error) {
					for _, v := range part {
						refused[v]++
					}
				}, before)
				if err != nil || len(rest) > 0 {
					t.Fatalf("%v, %d left", err, len(rest))
				}
			}
			for v := range 10_000 {
				if written[v]+refused[v] != 1 {
					t.Fatalf("value %d: %d times written, %d times refused", v, written[v], refused[v])
				}
			}
			if len(written) != want || calls > tt.calls {
				t.Errorf("%d written, want %d; %d calls, want at most %d", len(written), want, calls, tt.calls)
			}
		})
	}
}

// TestHalvesRest gives back what was neither written nor refused.
func TestHalvesRest(t *testing.T) {
	broken := errors.New("broken")
	values := make([]int, 40)
	for i := range values {
		values[i] = i
	}
	var written []int
	rest, err := Write(values, func(part []int) error {
		switch {
		case part[0] <= 7 && part[len(part)-1] >= 7:
			return &comet.Error{Status: 400}
		case part[0] >= 20:
			return broken
		}
		written = append(written, part...)
		return nil
	}, func([]int, error) {}, new(Refusals))
	if err != broken || len(written) != 19 || gocmp.Diff(values[20:], rest) != "" {
		t.Errorf("%v, written %v, rest %v", err, written, rest)
	}
}
