package manual

import (
	"fmt"
	"strings"
)

// Bash returns the completion for bash, from version 3.2 on.
func (p *Page) Bash() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Completion of %[1]s for bash; made from what its -h prints.
%[2]s() {
    local IFS=$'\n' cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    # bash cuts --flag=value in three.
    if [ "$cur" = = ]; then
        cur=
    elif [ "$prev" = = ] && [ "$COMP_CWORD" -gt 2 ]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    COMPREPLY=()
    case $prev in
`, p.Name, function(p.Name))
	// Flags that take the same share a case.
	takers := make(map[string][]string)
	var values []string
	for _, e := range p.Flags() {
		if e.Flags[0].Value == "" {
			continue
		}
		value := bashValue(e.Flags[0])
		if takers[value] == nil {
			values = append(values, value)
		}
		takers[value] = append(takers[value], e.names()...)
	}
	for _, value := range values {
		fmt.Fprintf(&b, "    %s)\n        %sreturn ;;\n", strings.Join(takers[value], "|"), value)
	}
	b.WriteString("    esac\n    if [ \"${cur#-}\" != \"$cur\" ]; then\n        ")
	var names []string
	for _, e := range p.Flags() {
		names = append(names, e.names()...)
	}
	fmt.Fprintf(&b, "COMPREPLY=($(compgen -W %s -- \"$cur\"))\n", bashList(names))
	if words := p.Resources(); words != nil {
		fmt.Fprintf(&b, "    else\n        COMPREPLY=($(compgen -W %s -- \"$cur\"))\n", bashList(words))
	}
	fmt.Fprintf(&b, "    fi\n}\ncomplete -F %s %s\n", function(p.Name), p.Name)
	return b.String()
}

// bashValue completes the value of a flag.
func bashValue(f Flag) string {
	switch words := f.Words(); {
	case words != nil:
		return fmt.Sprintf("COMPREPLY=($(compgen -W %s -- \"$cur\"))\n        ", bashList(words))
	case f.Value == "FILE":
		return "compopt -o filenames 2>/dev/null\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n        "
	case f.Value == "DIR":
		return "compopt -o filenames 2>/dev/null\n        COMPREPLY=($(compgen -d -- \"$cur\"))\n        "
	}
	return ""
}

// bashList quotes words one a line, since IFS is a newline.
func bashList(words []string) string { return "$'" + strings.Join(words, `\n`) + "'" }

func function(name string) string { return "_" + strings.ReplaceAll(name, "-", "_") }

// Zsh returns the completion for zsh.
func (p *Page) Zsh() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n# Made from what its -h prints.\n\n_arguments -S", p.Name)
	for _, e := range p.Flags() {
		names := e.names()
		once := "(" + strings.Join(names, " ") + ")"
		if e.repeats() {
			once = "*"
		}
		for _, name := range names {
			fmt.Fprintf(&b, " \\\n    %s", zshQuote(once+name+zshValue(e)))
		}
	}
	if words := p.Resources(); words != nil {
		fmt.Fprintf(&b, " \\\n    %s", zshQuote("*:RESOURCE:("+strings.Join(words, " ")+")"))
	} else {
		fmt.Fprintf(&b, " \\\n    %s", zshQuote("*:WORKSPACE/PROJECT:"))
	}
	b.WriteString("\n")
	return b.String()
}

// zshValue says what a flag does, and takes.
func zshValue(e Entry) string {
	escaped := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`)
	about := "[" + escaped.Replace(e.brief()) + "]"
	f := e.Flags[0]
	if f.Value == "" {
		return about
	}
	// A flag of several letters takes its value after "=", too.
	value := "=" + about + ":" + escaped.Replace(f.Value) + ":"
	if len(f.Name) == 1 {
		value = value[1:]
	}
	switch words := f.Words(); {
	case words != nil:
		return value + "(" + strings.Join(words, " ") + ")"
	case f.Value == "FILE":
		return value + "_files"
	case f.Value == "DIR":
		return value + "_files -/"
	}
	return value
}

func zshQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Fish returns the completion for fish.
func (p *Page) Fish() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %[1]s for fish; made from what its -h prints.\ncomplete -c %[1]s -f", p.Name)
	if words := p.Resources(); words != nil {
		fmt.Fprintf(&b, " -a %s", fishQuote(strings.Join(words, " ")))
	}
	b.WriteString("\n")
	for _, e := range p.Flags() {
		fmt.Fprintf(&b, "complete -c %s", p.Name)
		for _, f := range e.Flags {
			if len(f.Name) == 1 {
				fmt.Fprintf(&b, " -s %s", f.Name)
			} else {
				fmt.Fprintf(&b, " -l %s", f.Name)
			}
		}
		fmt.Fprintf(&b, "%s -d %s\n", fishValue(e.Flags[0]), fishQuote(e.brief()))
	}
	return b.String()
}

func fishValue(f Flag) string {
	switch words := f.Words(); {
	case f.Value == "":
		return ""
	case words != nil:
		return " -x -a " + fishQuote(strings.Join(words, " "))
	case f.Value == "FILE":
		return " -r -F"
	case f.Value == "DIR":
		return " -x -a '(__fish_complete_directories)'"
	}
	return " -x"
}

func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}

// names returns the names of an entry as they are given on a command line.
func (e Entry) names() []string {
	names := make([]string, len(e.Flags))
	for i, f := range e.Flags {
		names[i] = f.Dashed()
	}
	return names
}

// repeats reports whether the flag may be given several times.
func (e Entry) repeats() bool {
	return strings.Contains(strings.Join(e.About, " "), "may be repeated")
}

// brief returns what is said of an entry, for one line of a menu.
func (e Entry) brief() string { return brief(strings.Join(e.About, " ")) }
