package api

import "testing"

func TestSecretsHide(t *testing.T) {
	s := newSecrets("abcdef123456*eyJ9+/=", "gate value")
	for text, want := range map[string]string{
		"key abcdef123456*eyJ9+/= end":           "key [hidden] end",
		"?apiKey=abcdef123456%2AeyJ9%2B%2F%3D&x": "?apiKey=[hidden]&x",
		"only abcdef123456":                      "only [hidden]",
		"a gate value":                           "a [hidden]",
		"nothing":                                "nothing",
	} {
		if got := s.hide(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	// A short key, as in tests, must not blot out words.
	if got := newSecrets("k").hide("key"); got != "key" {
		t.Errorf("got %q", got)
	}
}
