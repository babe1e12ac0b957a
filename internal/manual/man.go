package manual

import (
	"fmt"
	"slices"
	"strings"
)

// Man returns the manual page in roff, for man(1); also are pages to read on.
func (p *Page) Man(version string, also ...string) string {
	m := &roff{}
	m.line(`.TH %s 1 "" "%s %s" "User Commands"`, strings.ToUpper(p.Name), "comet-stream", version)
	m.line(".SH NAME")
	m.line(`%s \- %s`, escape(p.Name), escape(lowerFirst(p.Summary())))
	options := false
	for i, s := range p.Sections {
		switch {
		case strings.HasPrefix(s.Heading, "Usage"):
			m.line(".SH SYNOPSIS")
			m.literal(s.Lines)
		case s.Lines != nil:
			m.line(".SH %s", strings.ToUpper(s.Heading))
			m.literal(s.Lines)
		case s.Heading == "" && i == 1:
			m.line(".SH DESCRIPTION")
			m.text(s.Text)
		case s.Heading == "":
			m.paragraph(s.Text)
		case len(s.Entries[0].Flags) == 0:
			m.line(".SH %s", escape(strings.ToUpper(s.Heading)))
			m.entries(s.Entries)
		default:
			if !options {
				m.line(".SH OPTIONS")
			}
			options = true
			heading, more, _ := strings.Cut(s.Heading, " (")
			m.line(".SS %s", escape(heading))
			if more != "" {
				m.text(upperFirst(strings.TrimSuffix(more, ")")) + ".")
			}
			m.entries(s.Entries)
		}
	}
	m.line(".SH SEE ALSO")
	for i, name := range also {
		comma := ","
		if i == len(also)-1 {
			comma = ""
		}
		m.line(".BR %s (1)%s", escape(name), comma)
	}
	return m.page.String()
}

// roff is a page that is being written.
type roff struct{ page strings.Builder }

func (m *roff) line(format string, a ...any) {
	fmt.Fprintf(&m.page, format+"\n", a...)
}

// text writes words that are filled to lines.
func (m *roff) text(text string) {
	m.line("%s", escape(text))
}

// paragraph writes a text that stands between sections: the exit codes, or what
// is to be known of the environment.
func (m *roff) paragraph(text string) {
	switch {
	case strings.HasPrefix(text, "Exit codes:"):
		m.line(".SH EXIT STATUS")
		for code := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(text, "Exit codes: "), "."), "; ") {
			m.line(".TP")
			m.line(".B %s", codeOf(code))
			m.text(code[len(codeOf(code))+1:])
		}
	case strings.HasPrefix(text, "Options can be set by the environment"):
		m.line(".SH ENVIRONMENT")
		m.text(text)
	default:
		m.line(".PP")
		m.text(text)
	}
}

// codeOf returns the numbers that a text begins with: 5, or "129, 130 or 143".
func codeOf(text string) string {
	words := strings.Fields(text)
	n := slices.IndexFunc(words, func(w string) bool { return w != "or" && strings.Trim(w, "0123456789,") != "" })
	return strings.Join(words[:max(n, 1)], " ")
}

func (m *roff) literal(lines []string) {
	m.line(".nf")
	for _, line := range lines {
		m.text(line)
	}
	m.line(".fi")
}

func (m *roff) entries(entries []Entry) {
	for _, e := range entries {
		for i, head := range e.Heads {
			if i == 0 {
				m.line(".TP")
			} else {
				m.line(".TQ")
			}
			m.line(`\fB%s\fR`, escape(head))
		}
		literal := false
		for _, line := range e.About {
			// A line of its own has one before it, and after it.
			if own := strings.HasPrefix(line, " "); own || literal {
				m.line(".br")
				literal = own
			}
			m.text(strings.TrimSpace(line))
		}
	}
}

// escape keeps a text from being taken for requests of roff. A dash is a dash
// that can be copied to a command line.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func lowerFirst(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToLower(text[:1]) + text[1:]
}
