package api

import "testing"

func TestErrorUncertain(t *testing.T) {
	e := &Error{Method: "POST", Path: "/x", Status: 500, uncertain: true}
	if want := "POST /x: 500 Internal Server Error: uncertain whether the server did it"; e.Error() != want {
		t.Errorf("got %s", e)
	}
}
