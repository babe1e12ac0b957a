package stream

import (
	"math"
	"testing"
)

func TestFloatValueNegativeZero(t *testing.T) {
	negative := math.Copysign(0, -1)
	v := FloatValue(negative)
	if v.Text() != "-0" || v != TextValue("-0") {
		t.Errorf("FloatValue(-0) = %v, TextValue(%q) = %v", v, "-0", TextValue("-0"))
	}
	if f, ok := v.Float64(); !ok || !math.Signbit(f) {
		t.Errorf("Float64() = %v, %v", f, ok)
	}
}
