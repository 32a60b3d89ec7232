package spec_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// redocly lints documents by the rules it recommends.
func redocly(t *testing.T, documents ...string) (printed string, content bool) {
	t.Helper()
	modules := installed(t, "validators")
	args := append([]string{"lint", "--format=stylish", "--config", absolute(t, "testdata/redocly.yaml")}, documents...)
	// By default it reports how it is used.
	return judge(t, []string{"REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true"}, ".", filepath.Join(modules, ".bin", "redocly"), args...)
}

func TestDocumentsPassRedocly(t *testing.T) {
	t.Parallel()
	printed, content := redocly(t, document(t, "openapi.yaml"), document(t, "asyncapi.yaml"))
	t.Log(printed)
	if !content || strings.Contains(printed, "You have") { // warnings
		t.Error("it is not content")
	}
}

func TestRedoclyFindsFaults(t *testing.T) {
	t.Parallel()
	printed, content := redocly(t,
		spoiled(t, "openapi.yaml", "{response: I'm healthy}", "{response: 1}"), spoiled(t, "asyncapi.yaml", "action: receive", "action: take"))
	if content || !strings.Contains(printed, "no-invalid-media-type-examples") || !strings.Contains(printed, "`action` can be one of") {
		t.Errorf("it did not find both:\n%s", printed)
	}
}

// asyncAPI parses a document as AsyncAPI's own tools do.
func asyncAPI(t *testing.T, path string) (printed string, content bool) {
	t.Helper()
	return judge(t, []string{"NODE_PATH=" + installed(t, "validators")}, ".", "node", "testdata/asyncapi.cjs", path)
}

func TestAsyncAPIPassesItsParser(t *testing.T) {
	t.Parallel()
	printed, content := asyncAPI(t, document(t, "asyncapi.yaml"))
	t.Log(printed)
	if !content {
		t.Error("it is not content")
	}
}

func TestAsyncAPIsParserFindsFaults(t *testing.T) {
	t.Parallel()
	printed, content := asyncAPI(t, spoiled(t, "asyncapi.yaml", `"type": "record"`, `"type": "recording"`))
	if content || !strings.Contains(printed, "produceAvro.payload.schema.type") {
		t.Errorf("it does not know Avro:\n%s", printed)
	}
}
