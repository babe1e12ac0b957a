package selection

import (
	"strings"
	"testing"
)

func TestCondition(t *testing.T) {
	for _, tt := range []struct {
		text, value string
		want        bool
	}{
		{"lr<0.01", "0.001", true},
		{"lr < 1e-2", "0.01", false},
		{"lr<=1e-2", "0.01", true},
		{"lr>0.01", "9e-1", true},
		{"lr>=10", "9", false}, // and not as texts
		{"lr=1", "1.0", true},
		{"lr == 1", "1.0", true},
		{"lr!=1", "1.0", false},
		{"lr=NaN", "NaN", true},
		{"lr!=NaN", "1", true},
		{"lr<NaN", "1", false},
		{"opt=adam", "adam", true},
		{"opt=adam", "Adam", false},
		{"opt!=adam", "sgd", true},
		{"opt<5", "adam", false},
		{"date<2024-05-01", "2024-04-30", true},
		{"opt~ad*", "adamw", true},
		{"opt~ad*", "sgd", false},
		{"opt=", "", true},
		{"a b/c d>1", "2", true},
	} {
		c, err := ParseCondition(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		s := &Selection{Where: []Condition{c}}
		f := s.Facts()
		f.Parameter(c.name, tt.value)
		if f.Hold() != tt.want {
			t.Errorf("%q of %q: %v", tt.text, tt.value, f.Hold())
		}
	}
	for _, bad := range []string{"", "lr", "<1", "lr 1", "name~[a"} {
		if c, err := ParseCondition(bad); err == nil {
			t.Errorf("%q is taken for a condition: %+v", bad, c)
		}
	}
}

// A condition is about what it names, and holds for nothing that is not there.
func TestFacts(t *testing.T) {
	for text, want := range map[string]bool{
		"lr=1": true, "parameter:lr=1": true, "other:lr=1": false, "other:lr=2": true, "metric:lr=3": true, "metric:lr:last=3": true,
		"metric:lr:min<0": true, "metric:lr:max>8": true, "metric:lr:max<8": false, "gone=1": false, "gone!=1": false, "metric:other:min<9": false,
	} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		s := &Selection{Where: []Condition{c}}
		f := s.Facts()
		f.Parameter("lr", "1")
		f.Other("lr", "2")
		f.Metric("lr", "-1", "9", "3")
		f.Metric("other", "", "", "1")
		if f.Hold() != want {
			t.Errorf("%q: %v", text, f.Hold())
		}
		hold := f.Hold()
		if s.Experiment(&Experiment{Holds: &hold}) != want || !s.Experiment(&Experiment{}) || s.Empty() {
			t.Errorf("%q: what does not hold is kept, or what is not known is dropped", text)
		}
		if flags := strings.Join(s.Flags(), " "); flags != "--where "+text {
			t.Errorf("flags %q", flags)
		}
	}
	var both Selection
	for _, text := range []string{"lr>0", "lr<5"} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		both.Where = append(both.Where, c)
	}
	for value, want := range map[string]bool{"1": true, "7": false} {
		f := both.Facts()
		f.Parameter("lr", value)
		if f.Hold() != want {
			t.Errorf("both conditions of %s: %v", value, !want)
		}
	}
}
