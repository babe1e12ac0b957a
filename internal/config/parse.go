package config

import (
	"bufio"
	"bytes"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/suggest"
	"github.com/comet-stream/comet-stream/internal/text"
)

// ownSettings are what the sections of a side may hold. A misspelt name in
// them is an error: it could send a key to the wrong host.
var ownSettings = []string{
	"allow_header_name", "allow_header_value", "api_key", "api_key_file", "ca_file",
	"project_name", "url", "url_override", "workspace",
}

// parseINI reads a .comet.config: sections, comments that a line or, after a
// space, the rest of a line with # or ; is, and lines of the form "name = value".
// Quotes around a value are taken off; nothing else in it means anything.
// Settings go by the name of their environment variable, and names do not
// depend on case. Errors name file and line and quote no value.
func parseINI(path string, data []byte) (map[string]setting, error) {
	settings := make(map[string]setting)
	var sections []string
	for n, line := range lines(data) {
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		at := fmt.Sprintf("%s:%d", path, n)
		if line[0] == '[' {
			var err error
			if sections, err = section(at, sections, line); err != nil {
				return nil, err
			}
			continue
		}
		name, value, err := assignment(at, line)
		if err != nil {
			return nil, err
		}
		from, within := path, strings.Join(sections, "_")
		if within != "" {
			from = fmt.Sprintf("[%s] in %s", within, path)
		}
		if isOwn(within) && !slices.Contains(ownSettings, strings.ToLower(name)) {
			return nil, &Error{
				Message: fmt.Sprintf("%s: section [%s] has no setting %q", at, within, name),
				Hints:   []string{"it may hold " + strings.Join(ownSettings, ", ")},
			}
		}
		variable := strings.ToUpper(strings.Join(append(slices.Clone(sections), name), "_"))
		if _, ok := settings[variable]; ok {
			return nil, errorf("%s: %q is set twice", at, name)
		}
		settings[variable] = setting{text: value, from: from}
	}
	return settings, nil
}

// assignment reads a line of the form "name = value".
func assignment(at, line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		return "", "", errorf("%s: want a section, a comment or name = value", at)
	}
	if value, ok = unquote(value); !ok {
		return "", "", errorf("%s: the value of %q has a quote that does not end", at, name)
	}
	return name, value, nil
}

// ownSections are those of the sides.
var ownSections = []string{"comet_export", "comet_import"}

// isOwn reports whether a section is that of a side.
func isOwn(section string) bool { return slices.Contains(ownSections, section) }

// underscores are what the name of a section has where people may write
// something else.
var underscores = strings.NewReplacer("-", "_", ".", "_", " ", "_")

// section reads the line that begins a section, [name], or [[name]] for one
// within the section before, and returns the names of all sections that it is in. A
// misspelt section of a side is an error, for the same reason as a misspelt name in
// it.
func section(at string, outer []string, line string) ([]string, error) {
	name := strings.TrimLeft(line, "[")
	depth := len(line) - len(name)
	name, rest, ok := strings.Cut(name, strings.Repeat("]", depth))
	name = strings.ToLower(strings.TrimSpace(name))
	if rest = strings.TrimSpace(rest); rest != "" && rest[0] != '#' && rest[0] != ';' {
		ok = false
	}
	if !ok || name == "" || depth > len(outer)+1 {
		return nil, errorf("%s: not a section, want [name]", at)
	}
	sections := append(slices.Clone(outer[:depth-1]), name)
	if meant := misspelt(strings.Join(sections, "_")); meant != "" {
		return nil, &Error{
			Message: fmt.Sprintf("%s: there is no section [%s]", at, name),
			Hints:   []string{fmt.Sprintf("write it as [%s]", meant)},
		}
	}
	return sections, nil
}

// misspelt returns the section of a side that somebody who wrote name meant, "" if it
// is spelt right or means another. No section of Comet's SDK is nearly called so.
func misspelt(name string) string {
	if isOwn(name) {
		return ""
	}
	name = underscores.Replace(name)
	nearest, meant := 2, ""
	for _, own := range ownSections {
		if "comet_"+name == own {
			return own
		}
		if d := suggest.Distance(name, own); d <= nearest {
			nearest, meant = d-1, own
		}
	}
	return meant
}

// comment is where a comment begins after an unquoted value.
var comment = regexp.MustCompile(`\s[#;]`)

// unquote takes the quotes off a value, or the comment after it. It fails if a
// quote does not end, or something other than a comment comes after it.
func unquote(value string) (string, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", true
	}
	if quote := value[:1]; quote == `"` || quote == `'` {
		inner, rest, ok := strings.Cut(value[1:], quote)
		rest = strings.TrimSpace(rest)
		return inner, ok && (rest == "" || rest[0] == '#' || rest[0] == ';')
	}
	if value[0] == '#' || value[0] == ';' {
		return "", true
	}
	if at := comment.FindStringIndex(value); at != nil {
		value = strings.TrimSpace(value[:at[0]])
	}
	return value, true
}

// parseDotenv reads a .env file: NAME=value, with "export" before it and quotes
// around the value if one likes. Other programs put other things there, so that
// lines that are nothing of the kind are passed over.
func parseDotenv(path string, data []byte) (map[string]setting, error) {
	settings := make(map[string]setting)
	for _, line := range lines(data) {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || !strings.HasPrefix(name, "COMET_") {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `'"`)
		settings[name] = setting{text: value, from: fmt.Sprintf("%s in %s", name, path)}
	}
	return settings, nil
}

// lines returns the lines of a file by their number, without the space around
// them.
func lines(data []byte) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		scanner := bufio.NewScanner(bytes.NewReader(data))
		scanner.Buffer(nil, len(data)+1)
		scanner.Split(text.ScanLines)
		for n := 1; scanner.Scan(); n++ {
			if !yield(n, strings.TrimSpace(scanner.Text())) {
				return
			}
		}
	}
}
