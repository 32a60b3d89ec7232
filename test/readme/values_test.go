package readme

import (
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// TestValuesFitTheChart judges the chart's values in the pages by the chart's schema, which refuses
// names that it does not know.
func TestValuesFitTheChart(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile(inRoot("charts/wsproxy/values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	judged := 0
	judge := func(page, text string) {
		judged++
		values := parsed(t, read(t, "charts/wsproxy/values.yaml"))
		merge(values, parsed(t, text))
		if err := schema.Validate(values); err != nil {
			t.Errorf("%s: %s: %v", page, text, err)
		}
	}
	for _, info := range []string{"yaml values", "yaml pools"} {
		judge(kubernetes, blockOf(t, kubernetes, info))
	}
	for _, page := range pages(t) {
		for _, set := range regexp.MustCompile(`--set ([\w.]+)=([^\s`+"`"+`]+)`).FindAllStringSubmatch(read(t, page), -1) {
			judge(page, nested(strings.Split(set[1], "."), set[2]))
		}
	}
	if judged < 5 {
		t.Errorf("judged %d values", judged)
	}
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return values
}

// merge puts values over others, as Helm does.
func merge(onto, values map[string]any) {
	for name, value := range values {
		below, isMap := value.(map[string]any)
		if under, ok := onto[name].(map[string]any); ok && isMap {
			merge(under, below)
		} else {
			onto[name] = value
		}
	}
}

// nested is a value in YAML, at a path.
func nested(path []string, value string) string {
	text := ""
	for depth, name := range path {
		text += strings.Repeat("  ", depth) + name + ":\n"
	}
	return strings.TrimSuffix(text, "\n") + " " + value + "\n"
}
