package upload

import "github.com/comet-stream/comet-stream/internal/comet"

// KeepsIDs reports whether the destination is known to keep the ids that assets are
// given, on which all clients rely, though no document promises it.
func (u *Uploader) KeepsIDs() bool {
	keeps, known := u.Client.Server.Known(comet.KeepsIDs)
	return known && keeps
}

// AssignsIDs reports whether the destination is known to give assets ids of its own.
// They are recognised by their fingerprint.
func (u *Uploader) AssignsIDs() bool {
	keeps, known := u.Client.Server.Known(comet.KeepsIDs)
	return known && !keeps
}

// IDKept notes that an asset has the id that it was given, which is proof.
func (u *Uploader) IDKept() { u.Client.Server.Learn(comet.KeepsIDs, true) }

// IDAssigned notes that an asset was found by its fingerprint, which is no proof.
func (u *Uploader) IDAssigned() { u.Client.Server.Presume(comet.KeepsIDs, false) }

// AskIDs runs f to find out, unless that is known or somebody else is at it.
func (u *Uploader) AskIDs(f func() error) error {
	if u.KeepsIDs() || u.AssignsIDs() || !u.askingIDs.CompareAndSwap(false, true) {
		return nil
	}
	defer u.askingIDs.Store(false)
	return f()
}
