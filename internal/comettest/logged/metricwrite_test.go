package logged

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// A batch is found not to be JSON where encoding/json finds that, whichever
// byte of it is wrong.
func TestBatchSyntax(t *testing.T) {
	in := &api.Instance{}
	in.Limits.BatchValues = -1
	read := func(doc []byte) error {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Content-Type", "application/json")
		_, _, err := metricCall{&api.Call{Instance: in, Request: r, Body: doc}}.readBatch()
		return err
	}
	good := []byte(` {"experimentKey" : "k", "more":{"a":[1,"]\"",{}],"b":-0.5e+1},"values":[` +
		`{"metricName":"a\u00e9/\\","metricValue":-1.25E-2,"step":0,"epoch":null,"context":"","timestamp":17} ,` +
		`{"metricName":"b","metricValue":true,"x":[],"y":false}]}` + "\n")
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	try := func(doc []byte) {
		wrong := errors.Is(read(doc), wire.ErrNotJSON)
		if valid := json.Valid(doc); valid == wrong {
			t.Errorf("%s: found wrong %v, valid %v", doc, wrong, valid)
		}
	}
	for i := range good {
		try(good[:i])
		for _, c := range []byte("\"\\{}[],:0-.e+nt \x00\x1f\xff") {
			doc := append([]byte{}, good...)
			doc[i] = c
			try(doc)
			try(append(append(append([]byte{}, good[:i]...), c), good[i:]...))
		}
		try(append(append([]byte{}, good[:i]...), good[i+1:]...))
	}
}
