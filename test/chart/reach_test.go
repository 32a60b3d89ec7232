package chart

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// renderer renders many sets of values, as Helm does, with the chart and its schema read once.
type renderer struct {
	chart  *chart.Chart
	schema *jsonschema.Schema
}

func newRenderer(t *testing.T, schema valuesSchema) renderer {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("values.schema.json", map[string]any(schema.object)); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return renderer{load(t), compiled}
}

// manifests renders all but the notes.
func (r renderer) manifests(set map[string]any) (map[string]string, error) {
	all, err := chartutil.CoalesceValues(r.chart, set)
	if err != nil {
		return nil, err
	}
	if err := r.schema.Validate(all.AsMap()); err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "proxy", Namespace: "streams", Revision: 1, IsInstall: true}
	whole, err := chartutil.ToRenderValuesWithSchemaValidation(r.chart, set, release, chartutil.DefaultCapabilities, true)
	if err != nil {
		return nil, err
	}
	made, err := engine.Render(r.chart, whole)
	delete(made, "wsproxy/templates/NOTES.txt")
	return made, err
}

// base is a set of values, and the manifests that the chart makes of it.
type base struct {
	set       object // what is set
	values    object // that, over the chart's own values
	manifests map[string]string
}

func (r renderer) base(t *testing.T, text string) base {
	t.Helper()
	set := values(t, text)
	all, err := chartutil.CoalesceValues(r.chart, set)
	if err != nil {
		t.Fatal(err)
	}
	made, err := r.manifests(set)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return base{set, object(all), made}
}

// bases renders all sets of values that the chart and its examples have.
func (r renderer) bases(t *testing.T) []base {
	t.Helper()
	var found []base
	sets := cases(t)
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		found = append(found, r.base(t, sets[name]))
	}
	return found
}

// reacts tells whether the manifests of a base change when a value is set to something else that the chart takes.
func (r renderer) reacts(b base, schema valuesSchema, l leaf) bool {
	path, current, ok := l.place(b.values)
	if !ok {
		return false
	}
	for _, other := range schema.others(l.schema, current) {
		made, err := r.manifests(with(b.set, path, other))
		if err == nil && !reflect.DeepEqual(made, b.manifests) {
			return true
		}
	}
	return false
}

// reaches sets a value to something else in one set of values after the other, those first that set what is near it.
func (r renderer) reaches(all []base, schema valuesSchema, l leaf) bool {
	near := func(b base) (steps int) {
		for steps = len(l.path); steps > 0 && (leaf{path: l.path[:steps]}).missing(b.set); steps-- {
		}
		return steps
	}
	slices.SortStableFunc(all, func(a, b base) int { return near(b) - near(a) })
	return slices.ContainsFunc(all, func(b base) bool { return r.reacts(b, schema, l) })
}

// TestEveryValueReachesTheManifests: no value of the schema can be set without effect.
func TestEveryValueReachesTheManifests(t *testing.T) {
	schema := loadValuesSchema(t)
	r := newRenderer(t, schema)
	all, together := r.bases(t), valuesTakenTogether()
	for _, l := range schema.leaves(schema.object) {
		pair, ok := together[l.String()]
		delete(together, l.String())
		_, refused := neverTaken()[l.String()]
		switch {
		case ok:
			r.judge(t, l, pair)
		case r.reaches(all, schema, l) == refused:
			t.Errorf("%s: other values of it change the manifests: %t", l, refused)
		}
	}
	for path := range together {
		t.Errorf("%s is no value", path)
	}
}

// TestEveryValueIsInTheFile: whoever reads values.yaml, or the README that is made from it, learns of all that the schema takes.
func TestEveryValueIsInTheFile(t *testing.T) {
	schema, file := loadValuesSchema(t), load(t).Values
	for _, l := range schema.leaves(schema.object) {
		here := any(file)
		for _, step := range l.path {
			inside, _ := here.(map[string]any)
			if step == first || len(inside) == 0 {
				break // its comment says what is in there
			}
			var ok bool
			if here, ok = inside[step]; !ok {
				t.Errorf("%s is not in values.yaml", l)
			}
		}
	}
}

// judge renders two sets of values that differ in a value.
func (r renderer) judge(t *testing.T, l leaf, pair [2]string) {
	t.Helper()
	without, with := r.base(t, pair[0]), r.base(t, pair[1])
	path, before, _ := l.place(without.values)
	if _, after, _ := l.place(with.values); path != nil && reflect.DeepEqual(before, after) {
		t.Errorf("%s is %v in both", l, before)
	}
	if reflect.DeepEqual(without.manifests, with.manifests) {
		t.Errorf("%s can be set without effect", l)
	}
}

// templateFault is what templates say of values that they did not expect, which helps nobody who wrote those.
var templateFault = regexp.MustCompile(`nil pointer|error calling (len|dig|get|keys|ternary)|wrong type|invalid value|range can't`)

// TestNullIsTakenOrRefused: a value whose lines are all commented out is null, and one that an older chart did not have is missing under
// --reuse-values. Both render, or the error names the value.
func TestNullIsTakenOrRefused(t *testing.T) {
	schema := loadValuesSchema(t)
	r := newRenderer(t, schema)
	b := r.base(t, broker+"pools: {a: {groups: [a]}}")
	judged := map[string]bool{}
	for _, l := range schema.leaves(schema.object) {
		for length := range l.path {
			inner := leaf{path: l.path[:length+1]}
			path, _, ok := inner.place(b.values)
			if !ok || judged[inner.String()] {
				continue
			}
			judged[inner.String()] = true
			if _, err := r.manifests(with(b.set, path, nil)); err != nil && templateFault.MatchString(err.Error()) {
				t.Errorf("%s: %v", inner, err)
			}
		}
	}
}
