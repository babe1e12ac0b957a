package main

import (
	"context"
	"fmt"
	"time"
)

// quotas is W9: an export of little from a server that takes 10 requests a second, 5 of
// them at once, and refuses the others.
func quotas(ctx context.Context, l *lab) error {
	const n = 16
	server := &shared{experiments: n, requests: 10, burst: 5}
	seed := fmt.Sprintf(small, n)
	s, err := l.serve(ctx, server.flags(seed)...)
	if err != nil {
		return err
	}
	defer s.stop()
	res, err := l.pipe(ctx, "", "", exporter(s, source))
	if err != nil {
		return err
	}
	requests, refused, err := s.traffic()
	if err != nil {
		return err
	}
	other, err := l.download(ctx, n, seed, server.flags(seed)...)
	if err != nil {
		return err
	}
	ideal := func(requests int) time.Duration { return server.ideal(int64(requests), 1) }
	l.table.beside(other.show(func(r *rival) string { return figure(r.wall.Seconds(), "s") }), figure(ideal(requests-refused).Seconds(), "s"))
	l.table.note("W9", fmt.Sprintf("export of %d requests at 10 a second", requests-refused), figure(res.wall.Seconds(), "s"))
	l.table.atMost("W9", "the same, times what one takes who knows the quota", res.wall.Seconds()/ideal(requests-refused).Seconds(), 1.2, "×")
	l.table.atMost("W9", "refused", 100*float64(refused)/float64(requests), 5, "%")
	return nil
}
