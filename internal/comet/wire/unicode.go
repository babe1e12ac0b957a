package wire

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Unicode returns JSON that holds nothing but Unicode: each byte that is not
// UTF-8, and each escape of half a surrogate pair, becomes U+FFFD and its number in
// hexadecimal digits, so that texts which differ stay so. found is called with the
// first of them.
func Unicode(r io.Reader, found func()) io.Reader { return &unicodeReader{r: r, found: found} }

type unicodeReader struct {
	r     io.Reader
	found func()
	in    []byte // what has been read and not judged
	out   []byte // what has been judged and not given
	room  []byte // of out
	err   error
}

// unicodeRoom is how much is read at a time.
const unicodeRoom = 16 << 10

// longestEscape is the length of a surrogate pair in JSON.
const longestEscape = len(`\ud83d\ude00`)

// Read implements [io.Reader].
func (u *unicodeReader) Read(p []byte) (int, error) {
	if len(u.out) == 0 && len(u.in) == 0 && u.err == nil {
		// Nearly all of what servers send is as it should be.
		n, err := u.r.Read(p)
		u.err = err
		if isUnicode(p[:n]) {
			return n, err
		}
		u.in = append(u.in[:0], p[:n]...)
		u.judge()
	}
	for len(u.out) == 0 && u.err == nil {
		n := len(u.in)
		u.in = append(u.in, make([]byte, unicodeRoom)...)
		k, err := u.r.Read(u.in[n:])
		u.in, u.err = u.in[:n+k], err
		u.judge()
	}
	if len(u.out) == 0 {
		return 0, u.err
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// isUnicode reports whether there is nothing to look at more closely.
func isUnicode(b []byte) bool {
	return utf8.Valid(b) && !bytes.Contains(b, []byte(`\u`)) && (len(b) == 0 || b[len(b)-1] != '\\')
}

// judge moves what has come to out, but for a beginning of a character.
func (u *unicodeReader) judge() {
	out, lost := u.room[:0], false
	b := u.in
	for len(b) > 0 && (u.err != nil || len(b) >= longestEscape) {
		if u.err != nil && begun(b) {
			out, b = append(out, b...), nil // no JSON ends so: it has been cut short
			break
		}
		n, bad := unit(b)
		if bad == nil {
			out = append(out, b[:n]...)
		} else {
			lost = true
			out = append(append(out, "\ufffd"...), bad...)
		}
		b = b[n:]
	}
	u.room, u.out = out, out
	u.in = u.in[:copy(u.in, b)]
	if lost && u.found != nil {
		u.found()
		u.found = nil
	}
}

// begun reports whether the character or escape at the start of b may go on after
// it.
func begun(b []byte) bool {
	if b[0] != '\\' {
		return !utf8.FullRune(b)
	}
	first, ok := hexEscape(b)
	if !ok || !utf16.IsSurrogate(first) || len(b) >= longestEscape {
		return len(b) < len(`\ud83d`) && (len(b) < 2 || b[1] == 'u')
	}
	return len(b) == 6 || b[6] == '\\' && (len(b) == 7 || b[7] == 'u')
}

// unit returns the length of the character or escape at the start of b, and the
// number of one that is none.
func unit(b []byte) (n int, bad []byte) {
	switch {
	case b[0] != '\\':
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return 1, fmt.Appendf(nil, "%02X", b[0])
		}
		return n, nil
	case len(b) < 2:
		return 1, nil
	case b[1] != 'u':
		return 2, nil
	}
	first, ok := hexEscape(b)
	switch second, pair := hexEscape(b[min(6, len(b)):]); {
	case !ok:
		return 2, nil
	case !utf16.IsSurrogate(first):
		return 6, nil
	case pair && utf16.DecodeRune(first, second) != utf8.RuneError:
		return 12, nil
	}
	return 6, fmt.Appendf(nil, "%04X", first)
}

// hexEscape returns the number in the escape at the start of b.
func hexEscape(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 + rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 + rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// TextLen returns how many bytes at the start of b are of the inside of a JSON string
// and can be unquoted by themselves. What follows is its closing quote, or the
// beginning of a character or escape.
func TextLen(b []byte) int {
	n := 0
	for n < len(b) && b[n] != '"' {
		size := 1
		if b[n] == '\\' || b[n] >= utf8.RuneSelf {
			if begun(b[n:]) {
				break
			}
			size, _ = unit(b[n:])
		}
		n += size
	}
	return n
}
