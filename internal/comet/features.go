package comet

// The calls that older servers lack, the version that brought them, and whether
// others do the same in their place.
var (
	featureAllPoints   = feature{path: "experiment/metrics/get-all", since: Version{Major: 3, Minor: 20, Patch: 60}, replaced: true}
	featureAssetByName = feature{path: "experiment/asset/get-by-name", since: Version{Major: 4, Minor: 3, Patch: 385}, replaced: true}
	featureProcessing  = feature{path: "experiment/processing/status", replaced: true}
	featureProjects    = feature{path: "projects/page", replaced: true}
	featureViews       = feature{path: "views/get-all"}
	featureViewsWrite  = feature{path: "write/views/upsert"}

	featureChartTemplates      = feature{path: "views/chart-templates"}
	featureChartTemplatesWrite = feature{path: "write/chart-templates/upsert"}

	// The official client calls it from 4.35.0 on; as with the metadata of registry
	// versions the version is not asked about.
	featureProjectOwner = feature{path: "write/project/update-owner"}
	featureShareLinks   = feature{path: "project/get-project-share-links"}
	featureRemoteFiles  = feature{path: "write/artifact/assets/remote/batch", since: Version{Major: 3, Minor: 12, Patch: 26}, replaced: true}

	featureRegistryItem    = feature{path: "registry-model/item/details", since: Version{Major: 3, Minor: 5, Patch: 42}}
	featureRegistryHistory = feature{path: "registry-model/history/item", since: Version{Major: 3, Minor: 7, Patch: 28}}
	featureRegistryCreate  = feature{path: "write/registry-model/item/create", since: Version{Major: 3, Minor: 5, Patch: 42}, replaced: true}
	featureRegistryStatus  = feature{path: "write/registry-model/item/status", since: Version{Major: 3, Minor: 5, Patch: 42}}
	// The official client makes these calls from 4.18.133 on, those about status
	// configurations from 4.20.477 on. The version is not asked about: with a
	// server that tells an older one and has them all the same data would be lost,
	// and one without them costs one request.
	featureRegistryMetadata         = feature{path: "registry-model/item/{id}/metadata"}
	featureRegistryMetadataWrite    = feature{path: "write/registry-model/item/{id}/metadata"}
	featureStatusConfiguration      = feature{path: "registry-model/item/{id}/status-configuration"}
	featureStatusConfigurationWrite = feature{path: "write/registry-model/item/{id}/status-configuration"}

	featureState = feature{path: "write/experiment/update-status", since: Version{Major: 3, Minor: 7, Patch: 91}}

	featureMetricBatch    = feature{path: "batch/logger/experiment/metric", replaced: true}
	featureParameterBatch = feature{path: "batch/logger/experiment/parameter", replaced: true}
	featureOfflineTimes   = feature{path: "status-report/offline-metadata", replaced: true}
	featureDirect         = feature{path: "asset/upload-start", replaced: true}
)
