// Package mood says in which ways servers of other ages, or servers on a bad day,
// differ from the documented one: as settings of a request ([Moods]), and as changes
// of a document that is ready ([Moods.Change]). What a setting does to a call is in
// the handler of the call.
package mood
