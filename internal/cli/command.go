package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/transport"
	"github.com/comet-stream/comet-stream/internal/suggest"
	"github.com/comet-stream/comet-stream/stream"
	"github.com/peterbourgon/ff/v3"
)

// Version overrides the version that -version prints. The linker sets it:
//
//	go build -ldflags "-X github.com/comet-stream/comet-stream/internal/cli.Version=v1.2.3"
var Version string

// command is what the three tools have in common: a flag set, whose options may
// also come from the environment, and the ends of the pipe.
//
// Flags are declared on the command, as on a flag.FlagSet; then parse is called
// once. Their usage strings are not used: the usage text is written by hand.
type command struct {
	*flag.FlagSet
	name      string
	envPrefix string
	usage     string
	stdio     IO
	noEnv     map[string]bool // flags that the environment does not set
	version   bool
	verbosity verbosityFlags
	report    string // what --report names, of the tools that have it
	server    serverFlags
	traffic   transport.Counters // of the server, if there is one
	warnings  []string           // of the arguments, for startReport
	pages     []*url.URL         // of the web interface, which arguments name
}

// newCommand returns a command of the given name, comet-export for example,
// with the flags that all tools have: -h, -version, --progress, -q and -v.
func newCommand(name, usage string, stdio IO) *command {
	c := &command{
		FlagSet:   flag.NewFlagSet(name, flag.ContinueOnError),
		name:      name,
		envPrefix: strings.ToUpper(strings.ReplaceAll(name, "-", "_")),
		usage:     usage,
		stdio:     stdio,
		noEnv:     make(map[string]bool),
	}
	// The flag set would print a page of usage after each mistake. parse
	// returns the error instead, and prints the usage when asked for it.
	c.SetOutput(io.Discard)
	c.ModeVar(&c.version, "version")
	c.verbosity.register(c)
	return c
}

// ModeVar declares a flag that changes what the command does, not how. A mode
// has no environment variable: one that lingers in a profile would turn every
// run into another kind of run.
func (c *command) ModeVar(p *bool, names ...string) {
	for _, name := range names {
		c.BoolVar(p, name, false, "")
		c.noEnv[name] = true
	}
}

// SizeVar declares a flag that takes a number of bytes, as 5GiB or 500MB. The
// flag's absence is not a size, and not 0.
func (c *command) SizeVar(p *stream.Int64, name string) {
	c.Func(name, "", func(s string) error {
		n, err := parseSize(s)
		if err == nil {
			*p = stream.NewInt64(n)
		}
		return err
	})
}

// TimeVar declares a flag that takes a point in time, as 2024-05-01 or 30d, and
// keeps the words too.
func (c *command) TimeVar(p *time.Time, text *string, name string) {
	c.Func(name, "", func(s string) (err error) {
		*text = s
		*p, err = parseTime(s, time.Now())
		return err
	})
}

// errEmpty is the answer to a flag that names nothing, such as --key "$KEY" where the
// shell has no such variable.
var errEmpty = errors.New("it is empty")

// TextVar declares a flag that takes a text, which is not empty.
func (c *command) TextVar(p *string, name string) {
	c.Func(name, "", func(s string) error {
		if s == "" {
			return errEmpty
		}
		*p = s
		return nil
	})
}

// ListVar declares a flag that takes a text, which is not empty, and may be given
// several times.
func (c *command) ListVar(p *[]string, name string) {
	c.Func(name, "", func(s string) error {
		if s == "" {
			return errEmpty
		}
		*p = append(*p, s)
		return nil
	})
}

// EnumVar declares a flag that takes one of values; *p is its default.
func (c *command) EnumVar(p *string, name string, values ...string) {
	c.Func(name, "", func(s string) error {
		for _, v := range values {
			if s == v {
				*p = v
				return nil
			}
		}
		return fmt.Errorf("want one of %s", strings.Join(values, ", "))
	})
}

// parse reads the flags from args, wherever they are, then, for options not given
// there, from the environment (COMET_EXPORT_RATE for --rate), and returns the
// arguments.
//
// After -h and -version it has printed the text to standard output and returns
// [flag.ErrHelp], for the command to return. Other errors are usage errors.
func (c *command) parse(args []string) ([]string, error) {
	arguments, err := c.parseFlags(args)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, c.show(c.usage)
		}
		return nil, c.usageError(err, c.flagHint(err)...)
	}
	if c.version {
		return nil, c.show(c.name + " " + version() + "\n")
	}
	if err := c.parseEnv(); err != nil {
		return nil, c.usageError(err)
	}
	return arguments, nil
}

// parseFlags reads flags before, between and after the arguments, up to "--", and
// returns the arguments. A flag set stops at each argument.
func (c *command) parseFlags(args []string) (arguments []string, err error) {
	for {
		if err := c.Parse(args); err != nil {
			return nil, err
		}
		rest := c.Args()
		at := len(args) - len(rest)
		if len(rest) == 0 || at > 0 && args[at-1] == "--" {
			return append(arguments, rest...), nil
		}
		arguments, args = append(arguments, rest[0]), rest[1:]
	}
}

// parseEnv sets the options that are not on the command line from the
// environment. It hands ff a flag set without the modes, since ff reads
// variables for all flags of a set or for none.
func (c *command) parseEnv() error {
	env := flag.NewFlagSet(c.name, flag.ContinueOnError)
	env.SetOutput(io.Discard)
	c.VisitAll(func(f *flag.Flag) {
		if !c.given(f.Name) && !c.noEnv[f.Name] {
			env.Var(envValue{f.Value, c.variable(f.Name)}, f.Name, "")
		}
	})
	err := ff.Parse(env, nil, ff.WithEnvVarPrefix(c.envPrefix))
	if bad, ok := errors.AsType[*envError](err); ok {
		return bad
	}
	return err
}

// given reports whether a flag is on the command line.
func (c *command) given(name string) (found bool) {
	c.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// variable returns the environment variable of a flag.
func (c *command) variable(flag string) string {
	return c.envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// envValue is a flag's value as the environment sets it: its errors name the
// variable in place of the flag.
type envValue struct {
	flag.Value
	variable string
}

func (v envValue) Set(s string) error {
	if err := v.Value.Set(s); err != nil {
		return &envError{v.variable, s, err}
	}
	return nil
}

// envError is a bad value of an environment variable.
type envError struct {
	variable, value string
	err             error
}

func (e *envError) Error() string {
	return fmt.Sprintf("invalid value %q in %s: %v", e.value, e.variable, e.err)
}

func (e *envError) Unwrap() error { return e.err }

// show prints a text that was asked for and returns flag.ErrHelp.
func (c *command) show(text string) error {
	if _, err := io.WriteString(c.stdio.Stdout, text); err != nil {
		return stdoutError(err)
	}
	return flag.ErrHelp
}

// usageError returns err as one of usage, with where to read on as last hint.
func (c *command) usageError(err error, hints ...string) error {
	return withCode(ExitUsage, err, append(hints, c.name+" -h lists flags and arguments")...)
}

// usagef is usageError for a message of its own.
func (c *command) usagef(format string, a ...any) error {
	return c.usageError(fmt.Errorf(format, a...))
}

// flagHint says more on a flag that does not exist.
func (c *command) flagHint(err error) []string {
	_, name, unknown := strings.Cut(err.Error(), "flag provided but not defined: -")
	switch {
	case !unknown:
		return nil
	case c.server.side != "" && strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name)) == "apikey":
		return []string{fmt.Sprintf("other users of the machine can read arguments: use %s_API_KEY or --api-key-file", c.envPrefix)}
	}
	var names []string
	c.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	near := suggest.Nearest(name, names, 2)
	if len(name) == 1 {
		// Of one letter, all others are near.
		near = slices.DeleteFunc(near, func(n string) bool { return !strings.EqualFold(n, name) })
	}
	if len(near) == 0 {
		return nil
	}
	for i := range near {
		near[i] = dashed(near[i])
	}
	return []string{strings.TrimPrefix(didYouMean(near), "; ")}
}

// Usages returns what -h prints, by tool: the table of flags and arguments from
// which pages of a manual and completions are made.
func Usages() map[string]string {
	return map[string]string{"comet-export": exportUsage, "comet-filter": filterUsage, "comet-import": importUsage}
}

// version is what -version prints after the name of the tool.
func version() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
