package cli

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/suggest"
)

// otherVariables are variables of Comet's SDK whose names look like those of
// credentials.
var otherVariables = []string{"COMET_INI", "COMET_LOGGING_HIDE_API_KEY", "COMET_REST_API_KEY", "COMET_WS_URL_OVERRIDE"}

// strayVariables returns what to say of variables that have no effect although
// they look as if they should: those with the prefix of the tool that name no
// option, and those that are nearly what a credential is called. Others belong to
// Comet's SDK.
func (c *command) strayVariables(environ []string) []string {
	var read, credentials []string
	modes := make(map[string]string)
	c.VisitAll(func(f *flag.Flag) {
		if c.noEnv[f.Name] {
			modes[c.variable(f.Name)] = f.Name
		} else {
			read = append(read, c.variable(f.Name))
		}
	})
	if c.server.side != "" {
		credentials = config.Variables(c.server.side)
		read = append(read, credentials...)
	}
	var said []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case value == "" || !strings.HasPrefix(name, "COMET_") || slices.Contains(read, name):
		case strings.HasPrefix(name, c.envPrefix+"_"):
			said = append(said, strayVariable(name, modes[name], similarVariables(c.envPrefix+"_", name, read)))
		case !ofSomeTool(name) && !slices.Contains(otherVariables, name):
			if similar := similarVariables("COMET_", name, credentials); similar != nil {
				said = append(said, strayVariable(name, "", similar))
			}
		}
	}
	slices.Sort(said)
	return said
}

// strayVariable returns what to say of one variable, which may be named for a flag that
// none sets.
func strayVariable(name, mode string, similar []string) string {
	if mode != "" {
		return fmt.Sprintf("%s has no effect: no variable sets %s", name, dashed(mode))
	}
	return fmt.Sprintf("%s has no effect: unknown variable%s", name, didYouMean(similar))
}

// similarVariables returns those of known that a variable may have been meant for,
// by what follows the prefix that they share.
func similarVariables(prefix, name string, known []string) []string {
	var rests []string
	for _, k := range known {
		if rest, ok := strings.CutPrefix(k, prefix); ok {
			rests = append(rests, rest)
		}
	}
	similar := suggest.Nearest(strings.TrimPrefix(name, prefix), rests, 2)
	for i := range similar {
		similar[i] = prefix + similar[i]
	}
	return similar
}

// ofSomeTool reports whether a variable is one of these tools, by its prefix.
func ofSomeTool(name string) bool {
	for _, prefix := range []string{"COMET_EXPORT_", "COMET_FILTER_", "COMET_IMPORT_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// didYouMean is what to add to a word that is not known.
func didYouMean(similar []string) string {
	if len(similar) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(similar, " or ") + "?"
}

// dashed returns a flag as it is given.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
