package api

import "cmp"

// Limits are the limits of an instance. Zero fields mean the documented
// defaults, negative ones no limit.
type Limits struct {
	// UploadMB is announced as upload_file_size_limit_in_mb and holds for
	// images, figures and git patches.
	UploadMB int64
	// AssetMB is announced as asset_upload_file_size_limit_in_mb.
	AssetMB int64
	// VideoMB is announced as uploadVideoMaxSizeMB.
	VideoMB int64
	// AssetName and ImageName are announced as assetNameMaxLength and
	// imageNameMaxLength, in characters. 0 is no limit.
	AssetName, ImageName int
	// ExperimentsPerProject is the count after which the handshake answers
	// 7000020.
	ExperimentsPerProject int
	// AssetsPerType bounds the assets of a type in one experiment; over it
	// uploads are answered with the code of the type (7000001, 7000012 to
	// 7000018). nil is the documented table.
	AssetsPerType map[string]int
	// MetricNames and ParameterNames bound the different names in one
	// experiment. Data beyond them is dropped in silence, and the experiment
	// is marked as throttled.
	MetricNames, ParameterNames int
	// Models bounds the models of one experiment (7000014).
	Models int
	// BatchValues is the most values one batch of metrics or parameters may
	// hold.
	BatchValues int
	// BodyMB bounds the JSON body of a request.
	BodyMB int64
}

// WithDefaults fills the fields that are zero.
func (l Limits) WithDefaults() Limits {
	l.UploadMB = cmp.Or(l.UploadMB, 200)
	l.AssetMB = cmp.Or(l.AssetMB, 100000)
	l.VideoMB = cmp.Or(l.VideoMB, 2000)
	l.BodyMB = cmp.Or(l.BodyMB, 256)
	l.ExperimentsPerProject = cmp.Or(l.ExperimentsPerProject, 25000)
	l.BatchValues = cmp.Or(l.BatchValues, 1000)
	l.MetricNames = cmp.Or(l.MetricNames, 50000)
	l.ParameterNames = cmp.Or(l.ParameterNames, 50000)
	l.Models = cmp.Or(l.Models, 100)
	if l.AssetsPerType == nil {
		l.AssetsPerType = map[string]int{
			"image": 100000, "curve": 1000, "text-sample": 500, "video": 5000,
		}
	}
	return l
}

// Full reports whether there is no room for one more; a negative limit is none.
func Full(n, limit int) bool { return limit >= 0 && n >= limit }
