package assets

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// storage is the second host: an object store with signed addresses. As such
// stores do, it refuses a request that carries a credential beside the signature.
type storage struct{ *api.Instance }

// NewStorage returns the second host of an instance.
func NewStorage(in *api.Instance) http.Handler { return storage{in} }

// ServeHTTP answers a request.
func (s storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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

func (s storage) getObject(w http.ResponseWriter, r *http.Request, id string) {
	c := api.NewCall(s.Instance, w, r)
	c.Query, c.Key = r.URL.Query(), &api.Key{Admin: true}
	a, err := Call{c}.findAsset(id)
	if err != nil {
		storageError(w, http.StatusNotFound, "NoSuchKey", "The key does not exist")
		return
	}
	if err := sendBody(w, r, a, true); err != nil {
		storageError(w, http.StatusInternalServerError, "InternalError", err.Error())
	}
}

// putPart stores one part on the second host.
func (s storage) putPart(w http.ResponseWriter, r *http.Request, object string) {
	id, number, _ := strings.Cut(object, ".")
	n, err := strconv.Atoi(number)
	s.Store.RLock()
	up := s.Store.Uploads[id]
	s.Store.RUnlock()
	if err != nil || up == nil || n < 1 || n > len(up.Parts) {
		storageError(w, http.StatusNotFound, "NoSuchUpload", "The upload does not exist")
		return
	}
	body, err := s.Store.Bodies.Read(r.Body, -1)
	if err != nil {
		storageError(w, http.StatusBadRequest, "IncompleteBody", err.Error())
		return
	}
	// Clients have to take it as it is; most stores make it of another hash.
	part := &store.Part{Body: body, ETag: strconv.Quote(body.Stored()[:32])}
	if !s.keepPart(id, n, part) {
		body.Remove()
		storageError(w, http.StatusNotFound, "NoSuchUpload", "The upload does not exist any more")
		return
	}
	w.Header().Set("ETag", part.ETag)
	w.WriteHeader(http.StatusOK)
}

// keepPart makes a body the n-th part of an upload, from 1, unless that has ended
// while the body came.
func (s storage) keepPart(id string, n int, part *store.Part) bool {
	s.Store.Lock()
	defer s.Store.Unlock()
	up := s.Store.Uploads[id]
	if up == nil {
		return false
	}
	if old := up.Parts[n-1]; old != nil {
		old.Body.Remove()
	}
	up.Parts[n-1] = part
	return true
}
