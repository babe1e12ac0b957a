package api

import "testing"

func TestAcknowledges(t *testing.T) {
	for doc, want := range map[string]bool{
		`{"msg":"Saved","code":200,"data":null,"sdk_error_code":0}`: true,
		`{"code":200}`:                  true,
		`{"code":"200","msg":null}`:     true,
		`{"msg":"Archived"}`:            true,
		`{"msg":"saved","code":null}`:   true,
		`{"given":"x"}`:                 true,
		`{"given":null}`:                false,
		`{"other":"x"}`:                 false,
		`{"given":"x","code":500}`:      false,
		`{"msg":"Saved","code":201}`:    false,
		`{"msg":"not saved"}`:           false,
		`{"data":{"code":200}}`:         false,
		`{"code":200,"sdkErrorCode":1}`: false,
	} {
		if got := Acknowledges([]byte(doc), []string{"given"}); got != want {
			t.Errorf("%s: %v", doc, got)
		}
	}
}
