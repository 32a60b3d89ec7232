package spec

import (
	"fmt"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/api"
)

// TestCodesStandUnderTheirStatus compares the codes of each answer with the table of codes, which
// is made from the code.
func TestCodesStandUnderTheirStatus(t *testing.T) {
	text, err := api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for path := range doc.at("paths") {
		for _, method := range methods() {
			if _, ok := doc.at("paths", path)[method]; ok {
				seen += checkCodes(t, doc, method+" "+path, doc.at("paths", path, method, "responses"))
			}
		}
	}
	seen += checkCodes(t, doc, "everywhere", doc.at("x-everywhere"))
	if seen < 100 {
		t.Errorf("%d codes were compared", seen)
	}
}

// checkCodes compares the codes of answers, and returns how many there are.
func checkCodes(t *testing.T, doc document, where string, answers object) (seen int) {
	t.Helper()
	for status, answer := range answers {
		for _, code := range codesOf(doc, doc.follow(answer)) {
			seen++
			if want := doc.at("components", "schemas", "ErrorCode", "x-codes", code)["status"]; fmt.Sprint(want) != status {
				t.Errorf("%s answers %s under %s, not %v", where, code, status, want)
			}
		}
	}
	return seen
}

// codesOf returns the codes that an answer may have.
func codesOf(doc document, answer object) (codes []string) {
	content, _ := answer["content"].(object)
	media, _ := content["application/json"].(object)
	schema, _ := media["schema"].(object)
	parts, _ := schema["allOf"].([]any)
	for _, part := range parts {
		properties, _ := doc.follow(part)["properties"].(object)
		code, _ := properties["code"].(object)
		if one, ok := code["const"].(string); ok {
			codes = append(codes, one)
		}
		several, _ := code["enum"].([]any)
		for _, one := range several {
			codes = append(codes, fmt.Sprint(one))
		}
	}
	return codes
}
