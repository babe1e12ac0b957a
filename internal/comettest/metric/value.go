package metric

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// A Value is the text of a metric value, held in as few bytes as give back
// the very same text.
type Value struct {
	form valueForm
	bits uint64 // of the integer or the float
	text string // form formText only
}

type valueForm byte

const (
	formInt    valueForm = iota // canonical int64
	formFloat                   // float64 as encoding/json prints it
	formPython                  // float64 as Python prints it: 1.0, 1e-05
	formText                    // anything else
)

// ParseValue is the value of a text.
func ParseValue(text string) Value {
	switch shape(text) {
	case formInt:
		i, err := strconv.ParseInt(text, 10, 64)
		if err == nil && text != "-0" {
			return Value{form: formInt, bits: uint64(i)}
		}
		fallthrough // to a number beyond int64
	case formFloat:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			break
		}
		var buf [40]byte
		if string(AppendJSONFloat(buf[:0], f)) == text {
			return Value{form: formFloat, bits: math.Float64bits(f)}
		}
		if string(appendPythonFloat(buf[:0], f)) == text {
			return Value{form: formPython, bits: math.Float64bits(f)}
		}
	}
	return Value{form: formText, text: strings.Clone(text)}
}

// shape tells how text looks, before anything is parsed: like a canonical
// integer, like some other number, or like neither.
func shape(text string) valueForm {
	if len(text) == 0 || len(text) > 32 {
		return formText
	}
	digits := strings.TrimPrefix(text, "-")
	form := formInt
	for _, c := range []byte(digits) {
		switch {
		case c >= '0' && c <= '9':
		case c == '.' || c == 'e' || c == '+' || c == '-':
			form = formFloat
		default:
			return formText
		}
	}
	if form == formInt && (digits == "" || digits[0] == '0' && len(digits) > 1) {
		return formText
	}
	return form
}

// appendTo appends the text of v.
func (v Value) appendTo(dst []byte) []byte {
	switch v.form {
	case formInt:
		return strconv.AppendInt(dst, int64(v.bits), 10)
	case formFloat:
		return AppendJSONFloat(dst, math.Float64frombits(v.bits))
	case formPython:
		return appendPythonFloat(dst, math.Float64frombits(v.bits))
	}
	return append(dst, v.text...)
}

func (v Value) String() string { return string(v.appendTo(nil)) }

// Number returns v as a number, and whether it is one, NaN included.
func (v Value) Number() (float64, bool) {
	switch v.form {
	case formInt:
		return float64(int64(v.bits)), true
	case formFloat, formPython:
		return math.Float64frombits(v.bits), true
	}
	return ParseNumber(v.text)
}

// ParseNumber reads the spellings of numbers that clients use, and no other.
func ParseNumber(text string) (float64, bool) {
	switch text {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if text == "" || strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// appendPacked appends the bytes of v after its form, which is kept elsewhere.
func (v Value) appendPacked(dst []byte) []byte {
	switch v.form {
	case formInt:
		return binary.AppendVarint(dst, int64(v.bits))
	case formText:
		return append(binary.AppendUvarint(dst, uint64(len(v.text))), v.text...)
	}
	return binary.LittleEndian.AppendUint64(dst, v.bits)
}

// AppendJSONFloat appends f as encoding/json writes it.
func AppendJSONFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	if abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		// encoding/json writes e-09 as e-9.
		if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

func appendPythonFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	if abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// Compare orders two values by size if both are numbers, else as text.
func Compare(a, b string) int {
	f, fok := ParseNumber(a)
	g, gok := ParseNumber(b)
	if !fok || !gok {
		return strings.Compare(a, b)
	}
	switch {
	case f < g:
		return -1
	case f > g:
		return 1
	}
	return 0
}
