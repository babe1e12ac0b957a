package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// FaultsPath is where the middleware of [Faults] lets a test look at the
// faults and change them:
//
//	GET     the seed, the rules in force, the log of faults and their counts
//	POST    {"seed": 1, "rules": [{"kind": "503", "rate": 0.05}, …]} replaces
//	        the rules, and the seed where it is given
//	DELETE  removes all rules and empties the log
//
// Each answers with what GET then answers.
const FaultsPath = testPrefix + "faults"

// FaultsDoc is the answer of FaultsPath.
type FaultsDoc struct {
	Seed     uint64            `json:"seed"`
	Rules    []Fault           `json:"rules"`
	Injected []Injection       `json:"injected"`
	Counts   map[FaultKind]int `json:"counts"`
}

// ServeHTTP answers requests to [FaultsPath], or to wherever else a server
// mounts it.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		if err := f.setJSON(r); err != nil {
			writeControl(w, http.StatusBadRequest, map[string]any{"msg": err.Error(), "code": http.StatusBadRequest})
			return
		}
	case http.MethodDelete:
		f.Reset()
	default:
		refuseMethod(w, "GET, POST, DELETE")
		return
	}
	writeControl(w, http.StatusOK, f.doc())
}

func (f *Faults) doc() FaultsDoc {
	f.mu.Lock()
	seed := f.seed
	f.mu.Unlock()
	return FaultsDoc{Seed: seed, Rules: f.Rules(), Injected: append([]Injection{}, f.Injected()...), Counts: f.Counts()}
}

// setJSON replaces the rules by those of a request.
func (f *Faults) setJSON(r *http.Request) error {
	f.mu.Lock()
	seed := f.seed
	f.mu.Unlock()
	doc := struct {
		Seed  *uint64 `json:"seed"`
		Rules []Fault `json:"rules"`
	}{Seed: &seed}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return fmt.Errorf("fault rules: %w", err)
	}
	if doc.Rules == nil {
		return errors.New("fault rules: the list is missing")
	}
	if doc.Seed != nil {
		seed = *doc.Seed
	}
	return f.Set(seed, doc.Rules...)
}

func refuseMethod(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	writeControl(w, http.StatusMethodNotAllowed, map[string]any{"msg": "method not allowed", "code": http.StatusMethodNotAllowed})
}

// writeControl answers with a document of the control paths.
func writeControl(w http.ResponseWriter, status int, doc any) {
	body, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic("comettest: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
