package chart

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// schemas judge objects as an API server with strict field validation does, but for the rules
// that are written in CEL. They are found by apiVersion and kind.
type schemas map[string]*jsonschema.Schema

func loadSchemas(t *testing.T) schemas {
	t.Helper()
	found := schemas{}
	for what, schema := range strictSchemas(t) {
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("schema.json", map[string]any(schema)); err != nil {
			t.Fatal(err)
		}
		compiled, err := compiler.Compile("schema.json")
		if err != nil {
			t.Fatal(err)
		}
		found[what] = compiled
	}
	return found
}

// strictSchemas returns the JSON schemas of all kinds in testdata, by apiVersion and kind.
func strictSchemas(t *testing.T) map[string]object {
	t.Helper()
	found := map[string]object{}
	addKubernetes(t, found)
	addCustom(t, found)
	return found
}

// addKubernetes adds the kinds of Kubernetes itself.
func addKubernetes(t *testing.T, found map[string]object) {
	t.Helper()
	text, err := os.ReadFile("testdata/kubernetes.json")
	if err != nil {
		t.Fatal(err)
	}
	var file object
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for name := range file.under("definitions") {
		definition := file.under("definitions", name)
		strict(definition)
		for _, kind := range definition.list("x-kubernetes-group-version-kind") {
			version := strings.TrimPrefix(kind.text("group")+"/"+kind.text("version"), "/")
			found[version+" "+kind.kind()] = object{"$ref": "#/definitions/" + name, "definitions": file["definitions"]}
		}
	}
}

// addCustom adds the kinds of operators.
func addCustom(t *testing.T, found map[string]object) {
	t.Helper()
	paths, err := filepath.Glob("testdata/crds/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d definitions: %v", len(paths), err)
	}
	for _, path := range paths {
		definition := readYAML(t, path)
		schema := definition.under("spec", "versions", 0, "schema", "openAPIV3Schema")
		strict(schema)
		schema.under("properties")["metadata"] = map[string]any{"type": "object"}
		version := definition.text("spec", "group") + "/" + definition.text("spec", "versions", 0, "name")
		found[version+" "+definition.text("spec", "names", "kind")] = schema
	}
}

// strict makes an OpenAPI schema a JSON schema: unknown members are refused, and what OpenAPI says in
// words of its own becomes plain types.
func strict(schema object) {
	for _, key := range []string{"items", "additionalProperties", "not"} {
		if inner := schema.under(key); inner != nil {
			strict(inner)
		}
	}
	properties := schema.under("properties")
	for name := range properties {
		strict(properties.under(name))
	}
	if _, open := schema["additionalProperties"]; properties != nil && !open && schema["x-kubernetes-preserve-unknown-fields"] != true {
		schema["additionalProperties"] = false
	}
	if schema["format"] == "int-or-string" || schema["x-kubernetes-int-or-string"] == true {
		schema["type"] = []any{"integer", "string"}
	}
	if one := schema.text("type"); one != "" && schema["nullable"] == true {
		schema["type"] = []any{one, "null"}
	}
	delete(schema, "format")
}

// unjudged are the kinds of load balancers in extraObjects of examples, of which there are no schemas here.
func unjudged() []string {
	return []string{"cloud.google.com/v1 BackendConfig", "networking.istio.io/v1 DestinationRule"}
}

// TestObjectsAreValid judges every object of every set of values.
func TestObjectsAreValid(t *testing.T) {
	known := loadSchemas(t)
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			for _, o := range render(t, text) {
				what := o.text("apiVersion") + " " + o.kind()
				schema := known[what]
				if schema == nil && slices.Contains(unjudged(), what) {
					continue
				}
				if schema == nil {
					t.Errorf("there is no schema of %s", what)
					continue
				}
				if err := schema.Validate(map[string]any(o)); err != nil {
					t.Errorf("%s %s: %v", what, o.name(), err)
				}
				if key := what + " " + o.name(); seen[key] {
					t.Errorf("two objects are %s", key)
				} else {
					seen[key] = true
				}
			}
		})
	}
}

// TestSchemasAreStrict keeps the schemas from accepting anything.
func TestSchemasAreStrict(t *testing.T) {
	known := loadSchemas(t)
	for name, text := range map[string]string{
		"unknown member":        `{apiVersion: v1, kind: Service, spec: {selectors: {}}}`,
		"wrong type":            `{apiVersion: v1, kind: Service, spec: {ports: [{port: "80"}]}}`,
		"missing member":        `{apiVersion: apps/v1, kind: Deployment, spec: {selector: {}}}`,
		"unknown member of CRD": `{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, spec: {scaleTargetRef: {name: x}, triggers: [], minReplicas: 1}}`,
		"choice of CRD":         `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, spec: {rules: [{matches: [{path: {type: Glob, value: /}}]}]}}`,
		"missing member of CRD": `{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, spec: {scaleTargetRef: {name: x}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var o object
			if err := yaml.Unmarshal([]byte(text), &o); err != nil {
				t.Fatal(err)
			}
			if err := known[o.text("apiVersion")+" "+o.kind()].Validate(map[string]any(o)); err == nil {
				t.Error("it is accepted")
			}
		})
	}
}
