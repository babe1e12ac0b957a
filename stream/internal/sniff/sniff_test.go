package sniff

import (
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	tar := make([]byte, Enough)
	copy(tar, "name")
	copy(tar[257:], "ustar")
	for in, want := range map[string]string{
		"":                             "it is empty",
		"\x1f\x8b\x08":                 "it looks like gzip",
		"\x50\x2a\x4d\x18\x00":         "it begins with a zstd skippable frame that is no label",
		string(tar):                    "it looks like a tar archive",
		"\xef\xbb\xbf <!DOCTYPE html>": "it looks like HTML",
		" [1]":                         "it looks like JSON",
		"<a/>":                         "it looks like XML",
		"caf\xc3":                      "it looks like text", // cut in a character
		"\x92\xa4kind\x80":             "it looks like msgpack without the blocks of a stream",
		strings.Repeat("\x00", Enough): "it is of an unknown type",
	} {
		if got := Describe([]byte(in)); got != want {
			t.Errorf("%.20q: %s, want %s", in, got, want)
		}
	}
}
