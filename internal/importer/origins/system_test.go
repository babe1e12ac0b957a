package origins

import (
	"encoding/json"
	"testing"
)

func TestForgotten(t *testing.T) {
	have := map[string]json.RawMessage{"later": json.RawMessage("null")}
	for name, want := range map[string]bool{"user": false, "later": false, "muchLater": true} {
		if got := forgotten(name, have); got != want {
			t.Errorf("forgotten(%q) = %v", name, got)
		}
	}
}
