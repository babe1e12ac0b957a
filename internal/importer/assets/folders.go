package assets

import (
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/report"
)

// folders are the models of an experiment whose files the stream names with the
// folder of the model. It is left out of their names, since servers add it; where
// other files of the model are named without it, these were given it, and may
// meet others. Only the reading uses it.
type folders map[string]*folder

type folder struct {
	plain  bool           // a file is named without it
	folded []report.Issue // those named with it
}

func (f *folders) note(model string, folded bool, file report.Issue) {
	if *f == nil {
		*f = make(folders)
	}
	m := (*f)[model]
	if m == nil {
		m = new(folder)
		(*f)[model] = m
	}
	m.plain = m.plain || !folded
	if folded {
		m.folded = append(m.folded, file)
	}
}

// ReportFolders reports the files that lose a folder which is part of their
// names.
func (as *Assets) ReportFolders() {
	for _, model := range slices.Sorted(maps.Keys(as.folders)) {
		m := as.folders[model]
		for _, i := range m.folded {
			if m.plain {
				i.Class, i.Reason = as.Class(report.Differs), "the destination lists it without its folder, unlike the other files of its model"
				as.Issue(i)
			}
		}
	}
}
