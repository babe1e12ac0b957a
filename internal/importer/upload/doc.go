// Package upload writes the bytes of assets and of the files of artifacts: whole,
// while they come, in parts to storage, or straight through where there is no room
// to keep them.
//
// What is uploaded is there once, whatever becomes of answers. Whether a
// destination keeps the ids that it is given, takes parts and has room left is
// found out once for all.
//
// An [Intake] takes the bytes of one asset after the other, an [Uploader] writes
// them. It knows neither experiments nor artifacts: a [Place] says what there is, and
// how to look for an asset in it.
package upload
