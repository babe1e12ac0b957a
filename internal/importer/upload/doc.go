// Package upload writes the bytes of assets and of the files of artifacts: whole,
// while they are received, in parts to storage, or unbuffered if there is no
// space to keep them.
//
// Each asset is stored once, even if answers are lost. Whether a destination
// keeps the ids that it is given, accepts parts and has quota left is found out
// once for all assets.
//
// An [Intake] takes the bytes of one asset after the other, an [Uploader] writes
// them. They do not depend on experiments or artifacts: a [Place] lists the
// assets that exist, and looks for one.
package upload
