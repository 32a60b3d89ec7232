package chart

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// texts are tried in turn where a text is wanted, since the patterns of the schema take different ones.
func texts() []any {
	return []any{
		"another", "7m", "/another", "https://another.example.org", "another:7777", "96Ki", "7s", "40%", "fd00::77",
		"sha256:00000000000000000000000000000000000000000000000000000000000000aa",
	}
}

// others returns what a value may be instead of what it is. Not all of it suits the patterns of the schema, and the values beside it.
func (s valuesSchema) others(schema object, current any) []any {
	found := s.candidates(schema, current)
	return slices.DeleteFunc(found, func(candidate any) bool { return reflect.DeepEqual(candidate, current) })
}

func (s valuesSchema) candidates(schema object, current any) []any {
	schema = s.resolve(schema)
	if choices, ok := schema["enum"].([]any); ok {
		return slices.Clone(choices)
	}
	var found []any
	for _, kind := range kinds(schema) {
		switch kind {
		case "boolean":
			found = append(found, true, false)
		case "integer":
			number, _ := current.(float64)
			found = append(found, number+1, number+2, 31000.0)
		case "string":
			found = append(found, texts()...)
		case "array":
			found = append(found, s.lists(schema.under("items"))...)
		case "object":
			found = append(found, s.maps(schema)...)
		}
	}
	return found
}

// kinds returns the types that a schema takes.
func kinds(schema object) []any {
	var found []any
	for _, choice := range schema.list("oneOf") {
		found = append(found, choice["type"])
	}
	switch kind := schema["type"].(type) {
	case string:
		found = append(found, kind)
	case []any:
		found = append(found, kind...)
	}
	return found
}

// lists returns lists of one entry.
func (s valuesSchema) lists(items object) []any {
	var found []any
	for _, entry := range s.candidates(items, nil) {
		found = append(found, []any{entry})
	}
	return found
}

// maps returns maps of what is required, or of one entry.
func (s valuesSchema) maps(schema object) []any {
	properties := schema.under("properties")
	if properties == nil {
		return s.mapsOf(schema.under("additionalProperties"))
	}
	required, _ := schema["required"].([]any)
	if len(required) == 0 {
		required = []any{slices.Min(slices.Collect(maps.Keys(properties)))}
	}
	entry := map[string]any{}
	for _, name := range required {
		name := fmt.Sprint(name)
		if found := s.candidates(properties.under(name), nil); len(found) > 0 {
			entry[name] = found[0]
		}
	}
	return []any{entry}
}

// mapsOf returns maps of one entry, whose form may be known.
func (s valuesSchema) mapsOf(inner object) []any {
	if inner == nil {
		return []any{map[string]any{"name": "another"}}
	}
	var found []any
	for _, value := range s.candidates(inner, nil) {
		found = append(found, map[string]any{"another": value})
	}
	return found
}

// with returns a copy of values in which something else is at a path.
func with(values object, path []any, value any) map[string]any {
	changed, _ := laid(map[string]any(values), path, value).(map[string]any)
	return changed
}

func laid(here any, path []any, value any) any {
	if len(path) == 0 {
		return value
	}
	if at, ok := path[0].(int); ok {
		list, _ := here.([]any)
		list = slices.Clone(list)
		list[at] = laid(list[at], path[1:], value)
		return list
	}
	m, _ := here.(map[string]any)
	if m = maps.Clone(m); m == nil {
		m = map[string]any{}
	}
	key, _ := path[0].(string)
	m[key] = laid(m[key], path[1:], value)
	return m
}
