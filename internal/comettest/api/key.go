package api

import (
	"cmp"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// LookupKey finds a key by the credential as sent: plain, or a smart key whose
// part before the star is a known key.
func (in *Instance) LookupKey(sent string) *Key {
	plain, _, _ := strings.Cut(sent, "*")
	for i := range in.Keys {
		k := &in.Keys[i]
		if sent == k.Key || plain != "" && plain == k.Key {
			return k
		}
	}
	return nil
}

// MayOwn reports whether a user can write to w. The lock of the store is held.
func (in *Instance) MayOwn(user string, w *store.Workspace) bool {
	return slices.ContainsFunc(in.Keys, func(k Key) bool { return k.User == user && k.role(w) == RoleOwner })
}

// Key is an API key and what its user may do.
type Key struct {
	// Key is the credential, plain. A smart key, the same with "*" and more
	// after it, is accepted too.
	Key string
	// User is the name of its owner.
	User string
	// Email is the owner's address, for the admin report.
	Email string
	// Role holds in every workspace that Workspaces does not name.
	Role Role
	// Workspaces gives roles by workspace name.
	Workspaces map[string]Role
	// DefaultWorkspace is where a handshake without workspace goes. "" is
	// the workspace named like the user.
	DefaultWorkspace string
	// Admin may create workspaces, add members and read the admin report.
	Admin bool
}

// Role is what a user may do in a workspace.
type Role int

// The roles, from the strongest to none.
const (
	RoleOwner  Role = iota // reads and writes
	RoleViewer             // reads
	RoleNone               // does not see the workspace
)

// Home is the workspace where a handshake without one goes.
func (k *Key) Home() string {
	return cmp.Or(k.DefaultWorkspace, k.User)
}

// role is what the key may do in w. The lock of the store is held.
func (k *Key) role(w *store.Workspace) Role {
	if _, ok := w.Members[k.User]; ok {
		return RoleOwner
	}
	if r, ok := k.Workspaces[w.Name]; ok {
		return r
	}
	return k.Role
}
