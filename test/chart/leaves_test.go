package chart

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// first stands in a path for the first entry of a list, or of a map whose keys are names.
const first = "*"

// leaf is a value that the schema of the values names.
type leaf struct {
	path   []string
	schema object
}

func (l leaf) String() string { return strings.Join(l.path, ".") }

// valuesSchema is the schema of the chart's values.
type valuesSchema struct{ object }

func loadValuesSchema(t *testing.T) valuesSchema {
	t.Helper()
	text, err := os.ReadFile(chartDir + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema object
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	return valuesSchema{schema}
}

// resolve follows a reference to a definition.
func (s valuesSchema) resolve(schema object) object {
	if name, ok := strings.CutPrefix(schema.text("$ref"), "#/definitions/"); ok {
		return s.under("definitions", name)
	}
	return schema
}

// leaves returns all values under a schema, those in lists and in pools as well.
func (s valuesSchema) leaves(schema object, path ...string) []leaf {
	schema = s.resolve(schema)
	below := func(step string, inner object) []leaf {
		return s.leaves(inner, append(slices.Clone(path), step)...)
	}
	if properties := schema.under("properties"); properties != nil {
		var found []leaf
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			found = append(found, below(name, properties.under(name))...)
		}
		return found
	}
	found := []leaf{{path, schema}}
	for _, key := range []string{"items", "additionalProperties"} {
		if inner := s.resolve(schema.under(key)); inner.under("properties") != nil {
			found = append(found, below(first, inner)...)
		}
	}
	return found
}

// place returns the path in values, and what is there; false if they have no such list or pool.
func (l leaf) place(values object) (path []any, current any, ok bool) {
	for _, step := range l.path {
		if step != first {
			path = append(path, step)
			continue
		}
		switch entries := values.at(path...).(type) {
		case []any:
			if len(entries) == 0 {
				return nil, nil, false
			}
			path = append(path, 0)
		case map[string]any:
			if len(entries) == 0 {
				return nil, nil, false
			}
			path = append(path, slices.Min(slices.Collect(maps.Keys(entries))))
		default:
			return nil, nil, false
		}
	}
	return path, values.at(path...), true
}

// missing tells whether values have nothing at a path.
func (l leaf) missing(values object) bool {
	_, current, ok := l.place(values)
	return !ok || current == nil
}
