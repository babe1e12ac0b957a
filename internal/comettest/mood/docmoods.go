package mood

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// optionalFields are the fields that some servers leave out and that nothing
// is lost without.
var optionalFields = []string{
	"offset", "optimizationId", "userName", "throttle", "durationMillis", "editable",
	"compressedAssetLink", "s3Link", "curlDownload", "canView", "video", "tags",
	"ownerUserName", "lastUpdated", "numberOfVersions", "imagePath", "registryRecords",
	"systemMetricNames", "maxTotalMemory", "totalRam",
}

// numericText are the fields whose text is often a number.
var numericText = []string{"metricValue", "valueMin", "valueMax", "valueCurrent"}

// plainNumbers are the fields that are usually numbers.
var plainNumbers = []string{
	"timestamp", "step", "epoch", "fileSize", "createdAt", "startTimeMillis", "endTimeMillis",
	"durationMillis", "stepMin", "stepMax", "stepCurrent", "timestampMin", "timestampMax",
	"timestampCurrent", "lastUpdated", "numberOfExperiments", "pid", "sizeInBytes", "added",
}

// ChangesDocs reports whether answers differ from the documented ones in
// their fields.
func (m *Moods) ChangesDocs() bool {
	return m.OptionalFields != "" || m.NumbersForText || m.TextForNumbers || m.ExtraFields
}

// Change applies the moods to a JSON document.
func (m *Moods) Change(doc []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var tree any
	if dec.Decode(&tree) != nil {
		return doc
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(m.changed("", tree)) != nil {
		return doc
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func (m *Moods) changed(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		m.changeObject(name, v)
	case []any:
		for i := range v {
			v[i] = m.changed("", v[i])
		}
	case string:
		if m.NumbersForText && slices.Contains(numericText, name) && json.Valid([]byte(v)) && isNumber(v) {
			return json.Number(v)
		}
	case json.Number:
		if m.TextForNumbers && slices.Contains(plainNumbers, name) {
			return v.String()
		}
	}
	return v
}

// changeObject changes the fields of one object. Objects that clients gave,
// such as env, stay as they are.
func (m *Moods) changeObject(name string, object map[string]any) {
	if name == "env" || name == "metadata" {
		return
	}
	for field, v := range object {
		object[field] = m.changed(field, v)
		if m.OptionalFields == "" || !slices.Contains(optionalFields, field) || field == "tags" && object["assetId"] == nil {
			continue // the tags of an experiment are no optional field
		}
		if m.OptionalFields == "absent" {
			delete(object, field)
		} else {
			object[field] = nil
		}
	}
	if m.ExtraFields {
		object["unknownToYou"] = map[string]any{"since": "9.9.9", "list": []any{1, "two", nil}}
	}
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}
