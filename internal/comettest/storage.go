package comettest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// serveStorage is the second host: an object store with signed addresses. As
// such stores do, it refuses a request that carries a credential beside the
// signature.
func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, "/bucket/")
	q := r.URL.Query()
	switch {
	case r.Header.Get("Authorization") != "" || r.Header.Get("Comet-Sdk-Api") != "":
		storageError(w, http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed")
	case !ok || q.Get("X-Amz-Signature") != signature(id):
		storageError(w, http.StatusForbidden, "SignatureDoesNotMatch", "The signature does not match")
	case r.Method == http.MethodPut:
		s.putPart(w, r, id)
	case r.Method == http.MethodGet:
		s.getObject(w, r, id)
	default:
		storageError(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "The method is not allowed")
	}
}

func storageError(w http.ResponseWriter, status int, code, msg string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	w.Write([]byte("<Error><Code>" + code + "</Code><Message>" + msg + "</Message></Error>"))
}

// signature stands for that of a presigned address.
func signature(id string) string {
	sum := sha256.Sum256([]byte("presigned " + id))
	return hex.EncodeToString(sum[:])
}

func (s *Server) getObject(w http.ResponseWriter, r *http.Request, id string) {
	c := &call{s: s, w: w, r: r, moods: s.moods.Load(), query: r.URL.Query(), key: &Key{Admin: true}}
	a, err := assetCall{c}.findAsset(id)
	if err != nil {
		storageError(w, http.StatusNotFound, "NoSuchKey", "The key does not exist")
		return
	}
	if err := sendBody(w, r, a, true); err != nil {
		storageError(w, http.StatusInternalServerError, "InternalError", err.Error())
	}
}
