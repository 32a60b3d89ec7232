package spec

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// object is an object of a YAML document.
type object = map[string]any

// document is a parsed specification.
type document struct{ root object }

func parse(text []byte) (document, error) {
	var d document
	if err := yaml.Unmarshal(text, &d.root); err != nil {
		return d, fmt.Errorf("parsing a specification: %w", err)
	}
	return d, nil
}

// at returns the object at a path of names, following references. It panics where there is
// none: the tools that judge the documents find that first.
func (d document) at(names ...string) object {
	node := d.root
	for _, name := range names {
		node = d.follow(node[name])
	}
	return node
}

func (d document) follow(value any) object {
	node, ok := value.(object)
	if !ok {
		panic(fmt.Sprintf("no object, but %v", value))
	}
	if reference, ok := node["$ref"].(string); ok {
		return d.at(pointer(reference)...)
	}
	return node
}

// pointer splits a reference inside the document.
func pointer(reference string) []string {
	names := strings.Split(strings.TrimPrefix(reference, "#/"), "/")
	for i := range names {
		names[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(names[i])
	}
	return names
}

// closeObjects has every object refuse members that its schema does not name, where the schema
// does not say that there may be others: clients must be ready for more, tests want to know.
func closeObjects(node any) {
	switch node := node.(type) {
	case object:
		_, properties := node["properties"]
		if _, stated := node["additionalProperties"]; properties && !stated && node["type"] == "object" {
			node["additionalProperties"] = false
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}
