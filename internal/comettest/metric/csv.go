package metric

import (
	"slices"
	"strconv"
)

// fullMetricRows is the number of points in one full-metric file.
const fullMetricRows = 20000

// CSV are the points of s in the order of time, as the texts of full-metric files.
func (s *Series) CSV(millis bool) [][]byte {
	points := s.points()
	slices.SortStableFunc(points, func(p, q Point) int { return p.byTime(&q) })
	var parts [][]byte
	for chunk := range slices.Chunk(points, fullMetricRows) {
		b := []byte("value,timestamp,step,epoch\n")
		for i := range chunk {
			b = chunk[i].appendCSV(b, millis)
		}
		parts = append(parts, b)
	}
	return parts
}

func (p *Point) appendCSV(b []byte, millis bool) []byte {
	b = append(p.Value.appendTo(b), ',')
	if millis {
		b = strconv.AppendInt(b, p.Time, 10)
	} else {
		b = strconv.AppendInt(b, p.Time/1000, 10)
	}
	b = append(b, ',')
	if p.HasStep {
		b = strconv.AppendInt(b, p.Step, 10)
	}
	b = append(b, ',')
	if p.HasEpoch {
		b = strconv.AppendInt(b, p.Epoch, 10)
	}
	return append(b, '\n')
}
