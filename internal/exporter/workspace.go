package exporter

import (
	"context"
)

func (x *Exporter) workspaces(ctx, hard context.Context, scope *scope, out *output) error {
	return nil
}

func (x *Exporter) listSpecial(ctx context.Context, p Path, yield func([]string) error) error {
	return nil
}

func (x *Exporter) estimateWorkspaces(ctx context.Context, scope *scope, e *Estimate) error {
	return nil
}
