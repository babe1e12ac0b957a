package exporter

import "math"

// sampleSize is how many experiments a dry run looks into. If there are more, it
// reads that many, spread evenly over the listings, and prints a likely range for
// the total.
const sampleSize = 200

// A Range is where a number is likely to be that was estimated from a sample: in
// nineteen of twenty cases, if the experiments are not all too different.
type Range struct{ Low, High int64 }

// inSample reports whether the next of all experiments is one to look into: of each
// stretch of the listings one, anywhere in it, so that what comes back at regular
// distances is not met each time. The same listings have the same sample.
func (d *dryRun) inSample() bool {
	i := d.seen
	d.seen++
	if d.all <= sampleSize {
		return true
	}
	if i == d.stretchEnd {
		d.stretch++
		d.stretchEnd = d.stretch * d.all / sampleSize
		d.pick = i + d.random.Int64N(d.stretchEnd-i)
	}
	return i == d.pick
}

// scale makes of the numbers of a sample those of all experiments.
func (d *dryRun) scale() {
	n := int64(len(d.samples))
	if n == 0 || d.all <= sampleSize {
		return
	}
	d.Sampled = n
	estimate := func(of func(*Estimate) int64) (whole, spread float64) {
		var sum, squares float64
		for i := range d.samples {
			v := float64(of(&d.samples[i]))
			sum += v
			squares += v * v
		}
		count := float64(n)
		mean := sum / count
		deviation := math.Sqrt(max(0, squares/count-mean*mean))
		return mean * float64(d.all), deviation / math.Sqrt(count) * float64(d.all)
	}
	// What is in the estimate besides is exact, and what the sample has is certain.
	apply := func(field func(*Estimate) *int64) Range {
		whole, spread := estimate(func(e *Estimate) int64 { return *field(e) })
		var seen int64
		for i := range d.samples {
			seen += *field(&d.samples[i])
		}
		exact := *field(&d.Estimate)
		*field(&d.Estimate) = exact + int64(whole)
		return Range{exact + max(seen, int64(whole-2*spread)), exact + int64(whole+2*spread)}
	}
	d.AssetsRange = apply(func(e *Estimate) *int64 { return &e.Assets })
	d.BytesRange = apply(func(e *Estimate) *int64 { return &e.AssetBytes })
	d.RequestsRange = apply(func(e *Estimate) *int64 { return &e.Requests })
	apply(func(e *Estimate) *int64 { return &e.AssetsLeft })
	apply(func(e *Estimate) *int64 { return &e.Metrics })
	whole, spread := estimate(func(e *Estimate) int64 { return e.UpperBound })
	d.UpperBound += int64(whole + 3*spread)
}
