package api

import (
	"net/url"
	"slices"
	"strings"
)

// secrets are the texts that must not be in any error or log record.
type secrets []string

// newSecrets lists a key in the forms in which it may turn up: whole, without
// the address part of a smart key, and as in a query string.
func newSecrets(key string, more ...string) secrets {
	short, _, _ := strings.Cut(key, "*")
	var s secrets
	for _, t := range append([]string{key, short}, more...) {
		// A text of a few letters is not a secret, and would blot out words.
		if len(t) < 6 {
			continue
		}
		s = append(s, t)
		if q := url.QueryEscape(t); q != t {
			s = append(s, q)
		}
	}
	return s
}

// secretsOf returns what must not be in the errors of a call. The query of a
// signed address is a credential.
func (j *judge) secretsOf(cl *Call) secrets {
	all := j.secrets
	if cl.storage != nil {
		for _, values := range cl.storage.Query() {
			all = append(slices.Clip(all), newSecrets("", values...)...)
		}
	}
	return all
}

// hide replaces the secrets in a text.
func (s secrets) hide(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "[hidden]")
	}
	return text
}
