package config

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// APIKey is a key of an account. It does not print itself: every verb of
// package fmt, package log/slog and encoding/json show a placeholder. string(k) is the key, for
// the header of a request.
type APIKey string

const hidden = "(API key)"

// Format writes a placeholder, whatever the verb.
func (APIKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// String returns a placeholder.
func (APIKey) String() string { return hidden }

// MarshalText returns a placeholder.
func (APIKey) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// foundKey is a key, the address it holds if it is a smart key, else nil, and
// where it was found.
type foundKey struct {
	key  APIKey
	url  *url.URL
	from string
	at   *layer
}

// held returns the address a smart key holds, nil for a plain key.
func (k *foundKey) held() *foundURL {
	if k.url == nil {
		return nil
	}
	return &foundURL{url: k.url, from: "the key from " + k.from, at: k.at, held: true}
}

// parseKey reads a key: a plain one, or a smart one, which is a plain key, "*"
// and a JSON object in base64 whose baseUrl is the root of its instance. As in
// Comet's SDK a "*" with nothing after it is dropped, and a key with several is
// taken as it is. Without a setting there is no key, and it returns nil.
func parseKey(s setting) (*foundKey, error) {
	if s.text == "" {
		return nil, nil
	}
	if !isPrintable(s.text) {
		return nil, errorf("the key from %s contains a character that is not allowed in keys, perhaps a space", s.from)
	}
	if strings.HasPrefix(s.text, "_SECRET_-") {
		return nil, errorf("the key from %s is a reference to a secret manager, and a key itself is expected", s.from)
	}
	k := &foundKey{key: APIKey(s.text), from: s.from, at: s.at}
	plain, tail, _ := strings.Cut(s.text, "*")
	switch {
	case strings.Count(s.text, "*") != 1:
		return k, nil
	case plain == "":
		return nil, errorf("the key from %s begins with *", s.from)
	case tail == "":
		k.key = APIKey(plain)
		return k, nil
	}
	u, err := smartURL(tail)
	if err != nil {
		return nil, errorf("the key from %s is a smart key, and %v", s.from, err)
	}
	k.url = u
	return k, nil
}

// smartURL reads the address in the second half of a smart key. Its errors do
// not quote what they are about.
func smartURL(tail string) (*url.URL, error) {
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(tail, "="))
	if err != nil {
		return nil, errorf("what follows the * is not base64")
	}
	var body struct {
		BaseURL string `json:"baseUrl"`
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, errorf("what follows the * is not a JSON object")
	}
	if body.BaseURL == "" {
		return nil, errorf("what follows the * has no baseUrl")
	}
	u, err := parseURL(body.BaseURL)
	if err != nil {
		return nil, errorf("its baseUrl is wrong: %v", err)
	}
	return u, nil
}

// isPrintable reports whether s consists of visible ASCII characters and those in
// also: of what can be in a header.
func isPrintable(s string, also ...rune) bool {
	for _, r := range s {
		if (r <= ' ' || r > '~') && !strings.ContainsRune(string(also), r) {
			return false
		}
	}
	return true
}

// isToken reports whether s can be the name of a header.
func isToken(s string) bool {
	return s != "" && isPrintable(s) && !strings.ContainsAny(s, `"(),/:;<=>?@[\]{}`)
}
