package cli

import (
	"os"

	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/progress"
)

// credentialFlags are the flags of the tools that talk to a server.
type credentialFlags struct {
	side  config.Side
	flags config.Flags
}

// addCredentialFlags declares --api-key-file, --url and --ca-file for a side.
// Their variables are read by package config, together with its files.
func (c *command) addCredentialFlags(side config.Side) {
	c.credFlags.side = side
	f := &c.credFlags.flags
	for name, p := range map[string]*string{
		"api-key-file": &f.APIKeyFile, "url": &f.URL, "ca-file": &f.CAFile,
	} {
		c.StringVar(p, name, "", "")
		c.noEnv[name] = true
	}
}

// endpoint finds the address and the key of the command's side, and passes
// what is odd about them on to report.
func (c *command) endpoint(report *progress.Reporter) (*config.Endpoint, error) {
	// Without a home directory there is no ~/.comet.config, and no error.
	home, _ := os.UserHomeDir()
	endpoint, err := config.Resolve(c.credFlags.side, c.credFlags.flags, config.Places{
		LookupEnv: os.LookupEnv,
		Home:      home,
	})
	if err != nil {
		return nil, err
	}
	for _, warning := range endpoint.Warnings {
		report.Warn("%s", warning)
	}
	return endpoint, nil
}
