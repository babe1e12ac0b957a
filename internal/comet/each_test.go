package comet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// eachServer answers every request with the next of answers, the last one
// forever.
func eachServer(t *testing.T, answers ...func(http.ResponseWriter)) *Client {
	t.Helper()
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answers[min(n, len(answers)-1)](w)
		n++
	}))
	t.Cleanup(srv.Close)
	c, err := New(api.Options{URL: srv.URL + "/clientlib/", APIKey: "k", Retry: api.Retry{Base: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func says(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { fmt.Fprint(w, text) }
}

func TestEach(t *testing.T) {
	c := eachServer(t, says(`{"extra":[1,{"values":[]}],"values":[{"name":"a","valueCurrent":"1"}, {"name":"b","valueCurrent":null}]}`))
	var got []string
	err := c.Parameters.Each(t.Context(), "k", nil, func(v *Value) error {
		got = append(got, v.Name+" "+string(v.Raw))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`a {"name":"a","valueCurrent":"1"}`, `b {"name":"b","valueCurrent":null}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
}

func TestEachEmpty(t *testing.T) {
	for _, text := range []string{`{"assets":[]}`, `{"assets":null}`} {
		err := eachServer(t, says(text)).Assets.Each(t.Context(), "k", "", nil, func(*Asset) error {
			return errors.New("called")
		})
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A list that breaks off is read again from its beginning, and the caller is
// told.
func TestEachRestart(t *testing.T) {
	for _, broken := range []string{
		`{"values":[{"name":"a"},{"name":`,
		`{"values":[{"name":"a"},{"name":01}]}`,
		`{"values":[{"name":"a"}`,
		`{"values":[{"name":"a"}]} {`,
	} {
		c := eachServer(t, says(broken), says(`{"values":[{"name":"a"},{"name":"b"}]}`))
		var got []string
		err := c.Others.Each(t.Context(), "k", func() { got = nil }, func(v *Value) error {
			got = append(got, v.Name)
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", broken, err)
		}
		if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
			t.Errorf("%s: others (-want +got):\n%s", broken, diff)
		}
	}
}

func TestEachStopped(t *testing.T) {
	stop := errors.New("enough")
	c := eachServer(t, says(`{"values":[{"name":"a"},{"name":"b"}]}`))
	n := 0
	err := c.Metrics.Each(t.Context(), "k", func() { t.Error("restarted") }, func(*Value) error { n++; return stop })
	if err != stop || n != 1 {
		t.Errorf("error %v after %d values, want %v after 1", err, n, stop)
	}
}

// ValuesOf returns a function that gathers what each yields.
func ValuesOf(each func(context.Context, string, func(), func(*Value) error) error) func(context.Context, string) ([]Value, error) {
	return func(ctx context.Context, key string) (list []Value, err error) {
		err = each(ctx, key, func() { list = nil }, func(v *Value) error {
			list = append(list, *v)
			list[len(list)-1].Raw = bytes.Clone(v.Raw)
			return nil
		})
		return list, err
	}
}

// AssetsOf returns a function that gathers the assets of an experiment.
func AssetsOf(c *Client) func(context.Context, string, string) ([]Asset, error) {
	return func(ctx context.Context, key, typ string) (list []Asset, err error) {
		err = c.Assets.Each(ctx, key, typ, func() { list = nil }, func(a *Asset) error {
			list = append(list, *a)
			list[len(list)-1].Raw = bytes.Clone(a.Raw)
			return nil
		})
		return list, err
	}
}
