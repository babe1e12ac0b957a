package comet

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
)

// An element that is too large is reported by its short members, wherever they
// are in it, and the others are given as they are.
func TestEachCut(t *testing.T) {
	long := strings.Repeat("x", scan.MaxElement/2)
	large := func(name string) string {
		return `{"valueMin":"` + long + `",` + name + `"valueMax":"` + long + `","valueCurrent":"` + long + `","timestampCurrent":5}`
	}
	c := eachServer(t, says(`{"values":[{"name":"a","valueCurrent":"`+long+`"},`+large(`"name":"b",`)+`,`+large("")+`,{"name":"c","valueCurrent":"1"}]}`))
	var got []string
	err := c.Parameters.Each(t.Context(), "k", nil, func(v *Value) error {
		got = append(got, v.Name+" "+strconv.FormatBool(v.Cut)+" "+strconv.Itoa(len(v.Raw)))
		return nil
	})
	want := []string{
		"a false " + strconv.Itoa(len(`{"name":"a","valueCurrent":""}`)+len(long)),
		"b true " + strconv.Itoa(len(`{"name":"b","timestampCurrent":5}`)),
		" true " + strconv.Itoa(len(`{"timestampCurrent":5}`)),
		"c false " + strconv.Itoa(len(`{"name":"c","valueCurrent":"1"}`)),
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What is too large is an error at once: to ask again would change nothing.
func TestTooLarge(t *testing.T) {
	document, element := strings.Repeat("x", scan.MaxDocument), strings.Repeat("x", scan.MaxElement)
	for name, tt := range map[string]struct {
		doc  string
		read func(context.Context, *Client) error
	}{
		"document": {`{"tags":["` + document + `"]}`, func(ctx context.Context, c *Client) error { _, err := c.Experiments.Tags(ctx, "k"); return err }},
		"element of a list that is kept": {`{"projects":[{"projectName":"` + element + `"}]}`, func(ctx context.Context, c *Client) error {
			_, err := c.Projects.List(ctx, "w")
			return err
		}},
		"list that is kept": {`{"projects":[` + strings.Repeat(`{"projectName":"`+element[:scan.MaxElement/4]+`"},`, 4*scan.MaxList/scan.MaxElement) + `{}]}`, func(ctx context.Context, c *Client) error {
			_, err := c.Projects.List(ctx, "w")
			return err
		}},
		"beside a list": {`{"versions":[],"description":"` + element[:scan.MaxElement/2] + `"}`, func(ctx context.Context, c *Client) error {
			_, err := c.Artifacts.Get(ctx, "w", "n")
			return err
		}},
		"point": {`{"metrics":[{"metricName":"m","metricValue":"` + element + `"}]}`, func(ctx context.Context, c *Client) error {
			return c.Metrics.Points(ctx, "k", "m", func() {}, func(*Point) error { return nil })
		}},
		"acknowledgement": {`{"msg":"saved","code":200,"x":"` + document + `"}`, func(ctx context.Context, c *Client) error {
			return c.Experiments.AddTags(ctx, "k", []string{"t"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			c := offline(t, func(req *http.Request) (*http.Response, error) {
				tries++
				return reply(req, 200, tt.doc), nil
			})
			err := tt.read(t.Context(), c)
			if e, ok := errors.AsType[*api.Error](err); !ok || !errors.Is(err, scan.ErrTooLarge) || e.Path == "" || tries != 1 {
				t.Errorf("%v after %d tries", err, tries)
			}
		})
	}
}

// Who has a budget is asked before anything of size is held, and decides.
func TestReserve(t *testing.T) {
	text := strings.Repeat("x", 300_000)
	reads := map[string]struct {
		doc  string
		read func(context.Context, *Client) error
	}{
		"document": {`{"tags":["` + text + `"]}`, func(ctx context.Context, c *Client) error { _, err := c.Experiments.Tags(ctx, "k"); return err }},
		"element": {`{"values":[{"name":"` + text + `"}]}`, func(ctx context.Context, c *Client) error {
			return c.Parameters.Each(ctx, "k", func() {}, func(*Value) error { return nil })
		}},
		"list": {`{"projects":[` + strings.Repeat(`{"projectName":"`+text[:1000]+`"},`, 300) + `{}]}`, func(ctx context.Context, c *Client) error {
			_, err := c.Projects.List(ctx, "w")
			return err
		}},
	}
	full := errors.New("full")
	for name, tt := range reads {
		t.Run(name, func(t *testing.T) {
			tries := 0
			c := offline(t, func(req *http.Request) (*http.Response, error) {
				tries++
				return reply(req, 200, tt.doc), nil
			})
			var most, held int64 = 1 << 40, 0
			ctx := scan.WithReserve(t.Context(), func(_ context.Context, n int64) error {
				if held += n; held > most {
					return full
				}
				return nil
			})
			if err := tt.read(ctx, c); err != nil || held < 300_000 || held > 5*300_000 {
				t.Errorf("%d bytes were reserved, %v", held, err)
			}
			most, held, tries = 200_000, 0, 0
			if err := tt.read(ctx, c); err != full || tries != 1 {
				t.Errorf("without room: %v after %d tries", err, tries)
			}
		})
	}
}
