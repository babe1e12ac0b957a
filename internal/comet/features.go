package comet

import "github.com/comet-stream/comet-stream/internal/comet/api"

// The calls that older servers lack, the version that brought them, and whether
// others do the same in their place.
var (
	featureAllPoints  = api.Feature{Path: "experiment/metrics/get-all", Since: api.Version{Major: 3, Minor: 20, Patch: 60}, Replaced: true}
	featureProcessing = api.Feature{Path: "experiment/processing/status", Replaced: true}
	featureProjects   = api.Feature{Path: "projects/page", Replaced: true}
	featureViews      = api.Feature{Path: "views/get-all"}
	featureViewsWrite = api.Feature{Path: "write/views/upsert"}

	featureChartTemplates      = api.Feature{Path: "views/chart-templates"}
	featureChartTemplatesWrite = api.Feature{Path: "write/chart-templates/upsert"}

	// The official client calls it from 4.35.0 on; as with the metadata of registry
	// versions the version is not asked about.
	featureProjectOwner = api.Feature{Path: "write/project/update-owner"}
	featureShareLinks   = api.Feature{Path: "project/get-project-share-links"}
	featureRemoteFiles  = api.Feature{Path: "write/artifact/assets/remote/batch", Since: api.Version{Major: 3, Minor: 12, Patch: 26}, Replaced: true}

	featureRegistryItem   = api.Feature{Path: "registry-model/item/details", Since: api.Version{Major: 3, Minor: 5, Patch: 42}}
	featureRegistryCreate = api.Feature{Path: "write/registry-model/item/create", Since: api.Version{Major: 3, Minor: 5, Patch: 42}, Replaced: true}
	featureRegistryStatus = api.Feature{Path: "write/registry-model/item/status", Since: api.Version{Major: 3, Minor: 5, Patch: 42}}
	// The official client makes these calls from 4.18.133 on, those about status
	// configurations from 4.20.477 on. The version is not asked about: with a
	// server that tells an older one and has them all the same data would be lost,
	// and one without them costs one request.
	featureRegistryMetadata         = api.Feature{Path: "registry-model/item/{id}/metadata"}
	featureRegistryMetadataWrite    = api.Feature{Path: "write/registry-model/item/{id}/metadata"}
	featureStatusConfiguration      = api.Feature{Path: "registry-model/item/{id}/status-configuration"}
	featureStatusConfigurationWrite = api.Feature{Path: "write/registry-model/item/{id}/status-configuration"}

	featureState = api.Feature{Path: "write/experiment/update-status", Since: api.Version{Major: 3, Minor: 7, Patch: 91}}

	featureMetricBatch    = api.Feature{Path: "batch/logger/experiment/metric", Replaced: true}
	featureParameterBatch = api.Feature{Path: "batch/logger/experiment/parameter", Replaced: true}
	featureOfflineTimes   = api.Feature{Path: "status-report/offline-metadata", Replaced: true}
	featureDirect         = api.Feature{Path: "asset/upload-start", Replaced: true}
)
