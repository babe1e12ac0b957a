package reconcile

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// EnsureExperiment is sure for a write to an experiment that its metadata show.
func (d *Destination) EnsureExperiment(ctx context.Context, key string, write func() error, shows func(*comet.Experiment) bool) error {
	return d.Ensure(ctx, write, func() (bool, error) {
		m, err := d.Client.Experiments.Metadata(ctx, key)
		return err == nil && shows(m), err
	})
}

// EnsureTimes sets the times of an experiment. Those that are nil stay as they are.
func (d *Destination) EnsureTimes(ctx context.Context, key string, start, end *int64, write func() error) error {
	err := d.EnsureExperiment(ctx, key, write, func(m *comet.Experiment) bool {
		return (start == nil || Equal(start, m.Start)) && (end == nil || Equal(end, m.End))
	})
	if err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

// ReportEnd says that a run has ended.
func (d *Destination) ReportEnd(ctx context.Context, run *comet.Run) error {
	return d.EnsureExperiment(ctx, run.Key, func() error { return d.Client.Experiments.ReportStatus(ctx, run, false, true) },
		func(m *comet.Experiment) bool { return !m.Running })
}

// UpdateStatus sets whether an experiment that has ended has crashed.
func (d *Destination) UpdateStatus(ctx context.Context, key string, crashed bool) error {
	return d.EnsureExperiment(ctx, key, func() error { return d.Client.Experiments.UpdateStatus(ctx, key, comet.Status{Crashed: crashed}) },
		func(m *comet.Experiment) bool { return !m.Running && m.Crashed != nil && *m.Crashed == crashed })
}

// SetTimes sets the times of an experiment. Those that are nil stay as they are.
func (d *Destination) SetTimes(ctx context.Context, key string, start, end *int64) error {
	return d.EnsureTimes(ctx, key, start, end, func() error { return d.Client.Experiments.SetTimes(ctx, key, start, end) })
}

// Equal reports whether two values are the same, or both absent.
func Equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// OpenMark is by how many milliseconds the start of an experiment is late while
// an import completes it.
const OpenMark = 1
