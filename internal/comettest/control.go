package comettest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/mood"
	"github.com/comet-stream/comet-stream/internal/comettest/state"
)

// controlPrefix is above the control endpoints, at the root of the server
// whatever its prefix.
const controlPrefix = "/_comettest/"

// controlMux serves the control endpoints, which want no key:
//
//	GET  state        the State; points, texts, portable, readable and
//	                  workspace=W are the options
//	GET  stats        the Stats
//	POST stats/reset
//	GET  moods
//	POST moods        replaces the Moods by those of the JSON body
//	GET  requests     the latest requests
//
// and what Options.Control adds.
func (s *Server) controlMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+controlPrefix+"state", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		sendControl(w, s.State(state.Options{
			Points: q.Has("points"), Texts: q.Has("texts"), Portable: q.Has("portable"), Readable: q.Has("readable"), Workspace: q.Get("workspace"),
		}))
	})
	mux.HandleFunc("GET "+controlPrefix+"stats", func(w http.ResponseWriter, r *http.Request) { sendControl(w, s.Stats()) })
	mux.HandleFunc("POST "+controlPrefix+"stats/reset", func(w http.ResponseWriter, r *http.Request) {
		s.ResetStats()
		sendControl(w, s.Stats())
	})
	mux.HandleFunc("GET "+controlPrefix+"requests", func(w http.ResponseWriter, r *http.Request) { sendControl(w, s.Requests()) })
	mux.HandleFunc("GET "+controlPrefix+"moods", func(w http.ResponseWriter, r *http.Request) { sendControl(w, s.Moods()) })
	mux.HandleFunc("POST "+controlPrefix+"moods", func(w http.ResponseWriter, r *http.Request) {
		var m mood.Moods
		dec := json.NewDecoder(r.Body)
		dec.DisallowUnknownFields()
		if err := dec.Decode(&m); err != nil {
			http.Error(w, "moods: "+err.Error(), http.StatusBadRequest)
			return
		}
		s.SetMoods(m)
		sendControl(w, m)
	})
	for path, h := range s.opts.Control {
		mux.Handle(controlPrefix+strings.TrimPrefix(path, "/"), h)
	}
	return mux
}

func sendControl(w http.ResponseWriter, doc any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(doc)
}
