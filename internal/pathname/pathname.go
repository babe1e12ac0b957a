// Package pathname writes names of projects and the like as parts of a path on
// the command line, WORKSPACE/PROJECT, whatever characters they hold.
package pathname

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns a name as a part of a path. A slash, and what is not printed as
// itself, becomes %XX for each of its bytes, and so does a percent sign before
// two hexadecimal digits. Other names stay as they are.
func Escape(name string) string {
	var b strings.Builder
	for rest := name; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == '/', r == '%' && isEscape(rest), r == utf8.RuneError && size == 1, !unicode.IsPrint(r):
			for _, c := range []byte(rest[:size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		default:
			b.WriteString(rest[:size])
		}
		rest = rest[size:]
	}
	return b.String()
}

// EscapeWord is Escape for a name that as it is would be a word with a meaning
// of its own: its first byte is escaped, too.
func EscapeWord(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%%%02X", name[0]) + Escape(name[1:])
}

// Unescape returns the name that Escape or EscapeWord has written as part. A
// part that neither can have written is returned as it is.
func Unescape(part string) string {
	var b strings.Builder
	for rest := part; rest != ""; {
		if !isEscape(rest) {
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		c, _ := strconv.ParseUint(rest[1:3], 16, 8) // isEscape has seen to it
		b.WriteByte(byte(c))
		rest = rest[3:]
	}
	if name := b.String(); Escape(name) == part || EscapeWord(name) == part {
		return name
	}
	return part
}

// isEscape reports whether s begins with %XX.
func isEscape(s string) bool {
	return len(s) >= 3 && s[0] == '%' && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}
