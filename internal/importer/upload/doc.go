// Package upload writes the bytes of assets and of the files of artifacts: whole,
// while they come, in parts to storage, or straight through where there is no room
// to keep them.
//
// What is uploaded is there once, whatever becomes of answers. Whether a
// destination keeps the ids that it is given, takes parts and has room left is
// found out once for all.
//
// It knows one asset at a time. Which assets are wanted, under which id, and how
// to look for one at the destination is for whoever uses it to say.
package upload
