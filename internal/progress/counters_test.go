package progress

import "testing"

func TestCountersString(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Counters)
		want string
	}{
		{"zero", func(*Counters) {}, "0 experiments"},
		{"one of each", func(c *Counters) {
			c.Experiments.Add(1)
			c.Points.Add(1)
			c.Assets.Add(1)
			c.Bytes.Add(1)
			c.Skipped.Add(1)
		}, "1 experiment, 1 point, 1 asset, 1 B, 1 skipped"},
		{"planned", func(c *Counters) {
			c.Planned.Add(200)
			c.Experiments.Add(12)
			c.Points.Add(1_200_000)
			c.Bytes.Add(5 << 30)
		}, "12 of 200 experiments, 1200000 points, 5.0 GiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Counters
			tt.set(&c)
			if got := c.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB",
		5583457485: "5.2 GiB", 1 << 40: "1.0 TiB", 1<<63 - 1: "8.0 EiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestTrafficString(t *testing.T) {
	for _, tt := range []struct {
		traffic Traffic
		want    string
	}{
		{Traffic{}, ""},
		{Traffic{1, 1, 1}, ", 1 request, 1 retry, 1 waiting"},
		{Traffic{5, 2, 0}, ", 5 requests, 2 retries"},
	} {
		if got := tt.traffic.String(); got != tt.want {
			t.Errorf("%#v as text is %q, want %q", tt.traffic, got, tt.want)
		}
	}
}
