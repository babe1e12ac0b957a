package comettest

import (
	"encoding/json"
	"net/http"
)

// controlHandler serves the control endpoints, which want no key:
//
//	GET  /state        the State, with the fields of StateOptions as parameters
//	GET  /stats        the Stats
//	POST /stats/reset
//	GET  /moods
//	POST /moods        replaces the Moods by those of the JSON body
//	GET  /requests     the latest requests
//
// and what Options.Control adds.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		sendControl(w, s.State(StateOptions{
			Points: q.Has("points"), Texts: q.Has("texts"), Portable: q.Has("portable"), Workspace: q.Get("workspace"),
		}))
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, r *http.Request) { sendControl(w, s.Stats()) })
	mux.HandleFunc("POST /stats/reset", func(w http.ResponseWriter, r *http.Request) {
		s.ResetStats()
		sendControl(w, s.Stats())
	})
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, r *http.Request) { sendControl(w, s.Requests()) })
	mux.HandleFunc("GET /moods", func(w http.ResponseWriter, r *http.Request) { sendControl(w, s.Moods()) })
	mux.HandleFunc("POST /moods", func(w http.ResponseWriter, r *http.Request) {
		var m Moods
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
		mux.Handle(path, h)
	}
	return mux
}

func sendControl(w http.ResponseWriter, doc any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(doc)
}
