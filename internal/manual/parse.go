// Package manual makes man pages and completions of shells from the usage texts
// of the tools, which are the one table of their flags: what -h prints is all
// that there is to know.
//
//	page, err := manual.Parse("comet-export", text)
//	…
//	page.Man(version, "comet-filter", "comet-import")
//	page.Bash(), page.Zsh(), page.Fish()
//
// A usage text begins with the section "Usage:", and a description. What follows
// are sections: a heading that ends in a colon, and entries. An entry begins at
// column 4, what is said of it at column 28, on the same line or on the next;
// lines further to the right stay lines. An entry of which nothing is said shares
// what is said of the next one. Sections whose heading begins with "Usage" or
// "Example" hold lines to be shown as they are. Anything else is an error, so that
// a slip in the text is found by a test and not by a reader of the page.
package manual

import (
	"fmt"
	"slices"
	"strings"
)

// Columns of a usage text.
const (
	entryColumn = 4
	aboutColumn = 28
)

// Page is what a usage text says.
type Page struct {
	Name     string
	Sections []Section
}

// Section is a part of a usage text. One of text alone has no heading.
type Section struct {
	Heading string
	Text    string   // a paragraph
	Lines   []string // to be shown as they are
	Entries []Entry
}

// Entry is a flag, or an argument.
type Entry struct {
	Heads []string // as "--key KEY", "-x, --exclude"
	Flags []Flag   // of those heads that are flags
	About []string // lines
}

// Flag is one name of a flag.
type Flag struct {
	Name  string // without its dashes
	Value string // what it takes, as FILE or include|exclude|only; "" for nothing
}

// Dashed returns the flag as it is given on a command line.
func (f Flag) Dashed() string {
	if len(f.Name) == 1 {
		return "-" + f.Name
	}
	return "--" + f.Name
}

// Words returns the words that the flag takes, nil where it takes any.
func (f Flag) Words() []string {
	if f.Value != strings.ToLower(f.Value) || !strings.Contains(f.Value, "|") {
		return nil
	}
	return strings.Split(f.Value, "|")
}

// Flags returns all entries that are flags, in the order of the text.
func (p *Page) Flags() []Entry {
	var flags []Entry
	for _, s := range p.Sections {
		for _, e := range s.Entries {
			if len(e.Flags) > 0 {
				flags = append(flags, e)
			}
		}
	}
	return flags
}

// Summary returns what the tool does, in one sentence without a full stop.
func (p *Page) Summary() string {
	for _, s := range p.Sections {
		if s.Heading == "" {
			return brief(s.Text)
		}
	}
	return ""
}

// Resources returns the words of the argument RESOURCE.
func (p *Page) Resources() []string {
	var words []string
	for _, s := range p.Sections {
		for _, e := range s.Entries {
			if len(e.Heads) == 1 && e.Heads[0] == "RESOURCE" {
				words = append(words, resourceWords(e.About)...)
			}
		}
	}
	return words
}

// resourceWords returns the words of the lines that stay lines: names, or a name
// and those that it stands for.
func resourceWords(about []string) []string {
	var words []string
	for _, line := range about {
		if !strings.HasPrefix(line, " ") {
			continue
		}
		names, _, _ := strings.Cut(line, "=")
		words = append(words, strings.Fields(names)...)
	}
	return words
}

// brief returns the beginning of a text that stands alone.
func brief(text string) string {
	for _, end := range []string{". ", "; ", ": "} {
		// What is in parentheses stays whole.
		before, _, cut := strings.Cut(text, end)
		if cut && strings.Count(before, "(") == strings.Count(before, ")") {
			text = before
		}
	}
	return strings.TrimSuffix(text, ".")
}

// Parse reads the usage text of a tool.
func Parse(name, text string) (*Page, error) {
	p := &Page{Name: name}
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		s, err := parseSection(strings.Split(block, "\n"))
		if err != nil {
			return nil, fmt.Errorf("usage text of %s: %w", name, err)
		}
		p.Sections = append(p.Sections, s)
	}
	return p, nil
}

// parseSection reads the lines between two empty ones.
func parseSection(lines []string) (Section, error) {
	n := 0
	for n < len(lines) && indent(lines[n]) == 0 {
		n++
	}
	var s Section
	s.Text = strings.Join(lines[:n], " ")
	lines = lines[n:]
	if len(lines) == 0 {
		return s, nil
	}
	heading, ok := strings.CutSuffix(s.Text, ":")
	if !ok {
		return s, fmt.Errorf("%q has lines below it, and no colon at its end", s.Text)
	}
	s.Heading, s.Text = heading, ""
	var err error
	if strings.HasPrefix(heading, "Usage") || strings.HasPrefix(heading, "Example") {
		s.Lines, err = cutIndent(lines)
	} else {
		s.Entries, err = parseEntries(lines)
	}
	return s, err
}

func cutIndent(lines []string) ([]string, error) {
	out := make([]string, len(lines))
	for i, line := range lines {
		if indent(line) < entryColumn {
			return nil, fmt.Errorf("%q does not begin at column %d", line, entryColumn)
		}
		out[i] = line[entryColumn:]
	}
	return out, nil
}

func parseEntries(lines []string) ([]Entry, error) {
	var entries []Entry
	begun := false // the last entry has something said of it
	for _, line := range lines {
		switch at := indent(line); {
		case at == entryColumn:
			if begun || len(entries) == 0 {
				entries = append(entries, Entry{})
			}
			head, about, said := cutHead(line)
			if err := entries[len(entries)-1].add(head, about, said); err != nil {
				return nil, err
			}
			begun = said
		case at >= aboutColumn && len(entries) > 0:
			e := &entries[len(entries)-1]
			e.About = append(e.About, line[aboutColumn:])
			begun = true
		default:
			return nil, fmt.Errorf("%q begins at column %d, want %d or %d", line, at, entryColumn, aboutColumn)
		}
	}
	if !begun {
		return nil, fmt.Errorf("nothing is said of %q", lines[len(lines)-1])
	}
	return entries, nil
}

// cutHead cuts the first line of an entry in two.
func cutHead(line string) (head, about string, said bool) {
	if len(line) > aboutColumn && strings.HasSuffix(line[:aboutColumn], "  ") {
		return strings.TrimSpace(line[:aboutColumn]), line[aboutColumn:], true
	}
	return line[entryColumn:], "", false
}

func (e *Entry) add(head, about string, said bool) error {
	if strings.Contains(head, "  ") {
		return fmt.Errorf("what is said of %q does not begin at column %d", head, aboutColumn)
	}
	e.Heads = append(e.Heads, head)
	if said {
		e.About = append(e.About, about)
	}
	if !strings.HasPrefix(head, "-") {
		return nil
	}
	for part := range strings.SplitSeq(head, ", ") {
		name, value, _ := strings.Cut(part, " ")
		f := Flag{Name: strings.TrimLeft(name, "-"), Value: value}
		if name != f.Dashed() {
			return fmt.Errorf("%q is no flag", part)
		}
		// A flag that takes values of two forms is one flag.
		if !slices.ContainsFunc(e.Flags, func(o Flag) bool { return o.Name == f.Name }) {
			e.Flags = append(e.Flags, f)
		}
	}
	return nil
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
