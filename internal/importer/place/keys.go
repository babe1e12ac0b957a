package place

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
)

// Keys says how the keys of experiments are chosen at the destination.
type Keys string

// The ways to choose keys.
const (
	// KeysKeep keeps a key where that is possible, and derives one where it
	// is not: on the source instance itself, where the key is one that the
	// destination does not take, or where it belongs to an experiment that
	// the API key may not see.
	KeysKeep Keys = "keep"
	// KeysDerive derives all keys.
	KeysDerive Keys = "derive"
	// KeysRequire keeps keys, and fails an experiment whose key cannot be kept.
	KeysRequire Keys = "require"
)

// Elsewhere says what becomes of an experiment whose key is taken in a project
// that is not its target.
type Elsewhere string

// The ways to treat experiments that are elsewhere.
const (
	ElsewhereLeave  Elsewhere = "leave"  // leave it out, and list it
	ElsewhereDerive Elsewhere = "derive" // import it under a derived key
)

// SourceKeyOther is the other that names the origin of an experiment whose key
// was derived.
const SourceKeyOther = "source_experiment_key"

// DeriveKey returns the key of the copy of an experiment in a project: always
// the same one, so that each run finds what the one before has made.
func DeriveKey(source string, to Project) string { return derive("experiment", source, to) }

// DeriveAsset does for the id of an asset what DeriveKey does for keys.
func DeriveAsset(id string, to Project) string { return derive("asset", id, to) }

// derive returns 32 hexadecimal digits, the form of ids that every server takes.
func derive(what, id string, to Project) string {
	h := sha256.New()
	// No part can hold a newline but the id, which comes last.
	for _, part := range []string{"comet-stream " + what, to.Workspace, to.Name} {
		h.Write([]byte(strings.ReplaceAll(part, "\n", " ") + "\n"))
	}
	h.Write([]byte(id))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

var validKey = regexp.MustCompile(`^[0-9A-Za-z]{32,50}$`)

// ValidKey reports whether handshakes take a key: 32 to 50 letters and digits.
func ValidKey(key string) bool { return validKey.MatchString(key) }

// SameInstance reports whether two addresses are of one instance.
func SameInstance(a, b string) bool {
	x, ok := instance(a)
	y, ok2 := instance(b)
	return ok && ok2 && x == y
}

// instance returns what identifies an instance: its host without www., and a
// port that is not the usual one. Neither scheme nor path count.
func instance(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "", false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	host = strings.TrimPrefix(host, "www.")
	if port := u.Port(); port != "" && port != "80" && port != "443" {
		host += ":" + port
	}
	return host, true
}
