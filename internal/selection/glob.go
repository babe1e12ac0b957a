package selection

import (
	"errors"
	"regexp"
	"strings"
)

// A Glob is a pattern for whole names: * stands for any characters, slashes
// included, ? for one character, [a-z] and [!a-z] for one of a class, and \ takes
// the meaning from the character after it. Letter case counts.
type Glob struct {
	text string
	re   *regexp.Regexp
}

// ParseGlob reads a pattern.
func ParseGlob(text string) (Glob, error) {
	var re strings.Builder
	re.WriteString(`(?s)\A`)
	for rest := text; rest != ""; {
		var expr string
		var err error
		if expr, rest, err = globElement(rest); err != nil {
			return Glob{}, err
		}
		re.WriteString(expr)
	}
	re.WriteString(`\z`)
	compiled, err := regexp.Compile(re.String())
	if err != nil {
		return Glob{}, errors.New("bad class of characters")
	}
	return Glob{text, compiled}, nil
}

// Match reports whether the whole name fits the pattern.
func (g Glob) Match(name string) bool { return g.re.MatchString(name) }

// String returns the pattern as it was given.
func (g Glob) String() string { return g.text }

// globElement returns the regular expression for the first element of a
// pattern, and the rest of the pattern.
func globElement(pattern string) (expr, rest string, err error) {
	switch pattern[0] {
	case '*':
		return `.*`, pattern[1:], nil
	case '?':
		return `.`, pattern[1:], nil
	case '[':
		return globClass(pattern)
	case '\\':
		pattern = pattern[1:]
		if pattern == "" {
			return "", "", errors.New(`\ at the end`)
		}
	}
	for i := range pattern {
		if i > 0 {
			return regexp.QuoteMeta(pattern[:i]), pattern[i:], nil
		}
	}
	return regexp.QuoteMeta(pattern), "", nil
}

// globClass does the same for a class in brackets, which a ] may open.
func globClass(pattern string) (expr, rest string, err error) {
	body, negation := pattern[1:], ""
	if strings.HasPrefix(body, "!") || strings.HasPrefix(body, "^") {
		body, negation = body[1:], "^"
	}
	end := -1
	for i := 0; i < len(body) && end < 0; i++ {
		switch {
		case body[i] == '\\':
			i++
		case body[i] == ']' && i > 0:
			end = i
		}
	}
	if end < 0 {
		return "", "", errors.New("[ without ]")
	}
	return "[" + negation + quoteClass(body[:end]) + "]", body[end+1:], nil
}

// quoteClass keeps what a class of a regular expression would read differently
// from one of a pattern.
func quoteClass(class string) string {
	var b strings.Builder
	for i := 0; i < len(class); i++ {
		switch c := class[i]; c {
		case '\\':
			if i++; i < len(class) {
				b.WriteString(regexp.QuoteMeta(class[i : i+1]))
			}
		case '[', ']', '^', '&', '~':
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
