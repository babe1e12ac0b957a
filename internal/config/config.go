// Package config finds the address and the API key of one side of a migration:
// in flags, in COMET_* environment variables and in Comet's files. It opens no
// connection.
//
//	endpoint, err := config.Resolve(config.Export, flags, config.Places{LookupEnv: os.LookupEnv, Home: home})
//
// # Where values come from
//
// Every setting has one name, that of its environment variable, as in Comet's
// Python SDK: api_key in section [comet] is COMET_API_KEY, name in section
// [comet_allow_header] is COMET_ALLOW_HEADER_NAME. It is looked for in
//
//  1. the flags and the environment,
//  2. .env in the working directory,
//  3. the file that COMET_INI or COMET_CONFIG names, or .comet.config in it if
//     it is a directory; one that is missing is an error where the search comes
//     to it,
//  4. .comet.config in the working directory,
//  5. .comet.config in the home directory,
//
// and the first place that has it decides. White space around a value is no part
// of it, and an empty value counts as none.
//
// A setting of one side (a flag, COMET_EXPORT_API_KEY, section [comet_export])
// beats the generic one (COMET_API_KEY, section [comet]) wherever the two are.
//
// # A key goes only where its owner said
//
// Places 2 and 4 are local: such a file may have come with a repository, and so
// from anyone. The others are the user's.
//
//   - A key goes to the address of its own place, else to the one it holds if it
//     is a smart key. Else it goes to the first address of its kind, if that is
//     in one of the user's places before that of the key, and without any to
//     www.comet.com.
//   - Any other address that there is for it makes [Resolve] return an error: one
//     of a local file, one that is read after the key, and one of another host
//     than the first rule gives. Comet's SDK would send the key there, and the
//     hints say how to have that. (After a smart key it is a warning.)
//   - The generic key goes to the address of a side by the same rules. The key of
//     a side does not go to the generic address, which is an error too.
//   - Certificates and the header for gateways obey them as well: certificates
//     decide who gets a key, and the header may hold a secret. A local file names
//     no key file but those below it.
package config

import (
	"fmt"
	"io"
	"net/url"
)

// Side is the source or the destination of a migration, named for the tool that
// talks to it.
type Side string

// The two sides.
const (
	Export Side = "export" // the source
	Import Side = "import" // the destination
)

// DefaultURL is the address of Comet's own instance.
const DefaultURL = "https://www.comet.com/clientlib/"

// Flags are the settings of a side that come from the command line, "" where a
// flag is not given. They win over all others of their name.
type Flags struct {
	APIKeyFile string // a file that holds the key and nothing else, "-" for standard input
	URL        string
	CAFile     string // certificates to trust in addition to those of the system, PEM
}

// Places is where Resolve looks.
type Places struct {
	LookupEnv func(string) (string, bool) // os.LookupEnv
	Dir       string                      // working directory; "" is that of the process
	Home      string                      // home directory; "" for none
	Stdin     io.Reader                   // what the flag --api-key-file - reads; nil for nothing
}

// Endpoint is one side of a migration.
type Endpoint struct {
	// URL is the address of the client library endpoints. It ends in
	// "/clientlib/" and may hold userinfo; print Address instead.
	URL *url.URL

	// APIKey is the key, whole as it was given: a smart key is sent with the
	// address it holds.
	APIKey APIKey

	// URLFrom and APIKeyFrom say where the two were found, for messages:
	// "COMET_URL_OVERRIDE", "[comet_export] in /home/me/.comet.config".
	URLFrom, APIKeyFrom string

	// HeaderName and HeaderValue are a header to send with each request, for
	// the gateways of some companies. The value may be secret. Both are "" if
	// there is none.
	HeaderName, HeaderValue string

	// CAFile is a file of certificates to trust in addition to those of the
	// system, or a folder of such files, "" for none. CAFileFrom says where it
	// was named.
	CAFile, CAFileFrom string

	// Warnings are for the user: one sentence each.
	Warnings []string
}

// Address returns the root of the instance for people to read, without userinfo
// and without "clientlib/": https://www.comet.com/.
func (e *Endpoint) Address() string { return address(e.URL) }

// Error is a mistake in the configuration. It never holds a key.
type Error struct {
	Message string
	Hints   []string
}

// Error returns the message without the hints.
func (e *Error) Error() string { return e.Message }

// Hint returns what the user can do, one sentence a line.
func (e *Error) Hint() []string { return e.Hints }

// ExitCode returns 2: a wrong configuration, and nothing has been touched.
func (e *Error) ExitCode() int { return 2 }

// errorf returns an *Error without hints.
func errorf(format string, a ...any) *Error { return &Error{Message: fmt.Sprintf(format, a...)} }
