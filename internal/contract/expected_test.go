package contract

import (
	"regexp"
)

// expected is something that looks like a fault and is none.
type expected struct {
	script string // "" for all
	match  string // a regular expression for the whole text
	reason string
}

func (x *expected) matches(script, text string) bool {
	return (x.script == "" || x.script == script) && regexp.MustCompile(`(?s)^(?:`+x.match+`)$`).MatchString(text)
}

// expectedEvents are the messages of the SDK that are about what a script does, and
// not about an answer.
var expectedEvents = []expected{
	{"", `network: 169\.254\.169\.254:80`, "the SDK asks whether it runs in a cloud"},
	{"live.py", `warning: Experiment\.set_code\(code=\.\.\.\) is deprecated.*`, "the script uses what is deprecated too"},
	{"live.py", `warning: Converting metric value 'True' into a string.*`, "the script logs one"},
	{"", `warning: Logging embedding is experimental.*`, "the SDK says so of each"},
	{"offline.py", `warning: Experiment\.set_code\(code=\.\.\.\) is deprecated.*`, "the script uses what is deprecated too"},
	{"offline.py", `warning: Converting metric value 'True' into a string.*`, "the script logs one"},
	{"archive.py", `warning: Converting metric value 'True' into a string.*`, "the script logs one"},
	{"offline.py", `warning: Config key 'comet\.auto_log\.weights' is deprecated.*`, "the SDK's own setting"},
	{"offline.py", `warning: Experiment Name is generated at upload time.*`, "the script gives none"},
	{"start.py", `error: Can not create new experiment with key: .* already exists at Comet.*`, "the script creates what is there"},
	{"start.py", `error: Experiment with key: .* doesn't exists at Comet\..*`, "the script gets what is not there"},
	{"start.py", `error: Failed to create Comet experiment, reason: (InvalidExperimentMode|ExperimentNotFound)\(.*`, "both of these"},
	{"registry.py", `warning: This method has been deprecated.*`, "the script uses what is deprecated too"},
	{"folders.py", `warning: The value '.*' for the metric .* is not a valid number.*`, "cometx logs the texts that its own download has written"},
	{"folders.py", `warning: Experiment Name is generated at upload time.*`, "cometx gives none"},
	{"folders.py", `(error|warning): .*(tags|tag\(s\)).*`, "cometx adds no tags of an experiment without any"},
	{"awkward.py", `warning: (An invalid .*message has been detected|Failure reason: <ValidationError).*`, "comet upload takes no object in a list"},
	{"awkward.py", `warning: The value '-?Infinity' for the metric .* is not a valid number.*`, "comet upload takes a sample of the points, for which infinity is none"},
	{"awkward.py", `warning: Error processing line .*TypeError.*`, "comet upload of 2023 breaks at infinity while it takes a sample"},
	{"read.py", `warning: .*(has been deprecated|is deprecated).*`, "the script uses what is deprecated too"},
}

// expectedRefusals are the answers that a script asks for.
var expectedRefusals = []expected{
	{"offline.py", `400 POST /clientlib/logger/add/run`, "a forced upload tries the key of the archive first"},
	{"offline.py", `401 GET /(api/rest/v2/account-details|optimizer/spec)`, "comet check asks without a key whether a server is there"},
	{"artifacts.py", `400 POST /api/rest/v2/write/artifacts/upsert`, "the script logs a version that exists"},
	{"artifacts.py", `400 GET /api/rest/v2/artifacts/version`, "the script asks for an artifact and a version that are not there"},
	{"start.py", `400 POST /clientlib/logger/add/run`, "the script creates what is there"},
	{"start.py", `404 GET /api/rest/v2/experiment/metadata`, "the SDK asks whether the experiment is there"},
}

// A difference is a place in what the getters say where the two sides of a move may
// differ, and the words of docs/fidelity.md that say so.
type difference struct {
	match    string // a regular expression for the end of the place
	fidelity string
	// when is a place beside it and what the source must have there, as
	// "running true"; "" for always.
	when string
}

// differences is the closed list of them.
var differences = []difference{
	{`(projectId|project_id)`, "`doc.projectId`", ""},
	{`workspaceId`, "`doc.workspaceId`", ""},
	{`artifactId`, "`doc.artifactId`", ""},
	{`artifactVersionId`, "`doc.artifactVersionId`", ""},
	{`experimentModelId`, "models: ids", ""},
	{`(registryModelId|registryModelItemId|model_item_id)`, "`doc.registryModelItemId`", ""},
	{`template_id`, "views and dashboards: ids", ""},
	{`get_project(_by_id)?\(.*\) lastUpdated`, "`doc.lastUpdated`", ""},
	{`last_update`, "`doc.lastUpdate`", ""},
	{`(get_asset_list|get_model_asset_list|get_model_data|get_assets)\(.*\) \S+ createdAt`, "times of upload", ""},
	{`assets \[\d+\] createdAt`, "times of upload", ""},
	{`(get_registry_model_details|get_latest_registry_model_version_details|get_model_registry_version_assets|get_details)\(.*\) (versions \[\d+\] )?(createdAt|lastUpdated|updatedAt)`,
		"registry models and versions: times of creation", ""},
	{`get_metadata\(\) (running|endTimeMillis|durationMillis)`, "| running | kept with a change", "running true"},
	{`etag`, "`doc.etag`", ""},
	{`items( \[\d+\])? (assetId|fileName|fileSize|link|members|type|length)`, "parts of a 3D scene", ""},
	{`get_version_history\(.*\) (\[\d+\]|length)`, "registry versions: history, requests of approval", ""},
	{`added`, "artifact versions: owner, time", ""},
}
