package progress

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Escape returns s with everything replaced that is not printed as itself:
// control characters, line breaks, bytes that are not UTF-8, marks that change
// the direction of text. Such things come from servers and streams; on a
// terminal they could hide or forge what a tool says.
func Escape(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			quoted := strconv.Quote(s[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// unprintable finds what Escape looks at closely: also the replacement
// character, which stands for bytes that are not UTF-8.
func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// EscapeJSON returns JSON that means the same, with everything escaped in it
// that [Escape] replaces and that JSON leaves as it is: some of the characters
// from U+007F on drive terminals, too.
func EscapeJSON(doc []byte) []byte {
	if !bytes.ContainsFunc(doc, hidden) {
		return doc
	}
	out := make([]byte, 0, len(doc)+16)
	for len(doc) > 0 {
		r, size := utf8.DecodeRune(doc)
		if hidden(r) {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		} else {
			out = append(out, doc[:size]...)
		}
		doc = doc[size:]
	}
	return out
}

// hidden finds what EscapeJSON escapes: below it are the line breaks between
// documents, and what encoders escape by themselves.
func hidden(r rune) bool { return r >= 0x7f && unprintable(r) }
