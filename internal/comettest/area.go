package comettest

// A call is handled by the type for its area of the API, which has what all calls
// have and the methods for its resources alone.
type (
	accountCall    struct{ *call }
	projectCall    struct{ *call }
	experimentCall struct{ *call }
	valueCall      struct{ *call }
	originCall     struct{ *call } // repository, machine, packages
	metricCall     struct{ *call }
	assetCall      struct{ *call }
	uploadCall     struct{ *call }
	artifactCall   struct{ *call }
	registryCall   struct{ *call }
	pageCall       struct{ *call } // views and panels
)

// in returns what handles a call in its area.
func in[A ~struct{ *call }](handle func(A) error) func(*call) error {
	return func(c *call) error { return handle(A{c}) }
}
