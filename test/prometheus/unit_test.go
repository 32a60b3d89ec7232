package prometheus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v3"
)

// unitFile is what `promtool test rules` reads, as far as it is used here. That program cannot be
// built as a dependency, since its module needs replacements, nor does it count the cases.
type unitFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	Tests              []unitTest     `yaml:"tests"`
}

type unitTest struct {
	Name           string         `yaml:"name"`
	Interval       model.Duration `yaml:"interval"`
	InputSeries    []unitSeries   `yaml:"input_series"`
	PromqlExprTest []unitCase     `yaml:"promql_expr_test"`
}

type unitSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type unitCase struct {
	Expr       string         `yaml:"expr"`
	EvalTime   model.Duration `yaml:"eval_time"`
	ExpSamples []unitSample   `yaml:"exp_samples"`
}

type unitSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

func readUnitFile(t *testing.T) unitFile {
	t.Helper()
	var file unitFile
	decoder := yaml.NewDecoder(strings.NewReader(read(t, deploy+"prometheus/rules_test.yaml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRules runs the rules over the series of each test, and compares what comes of them.
func TestRules(t *testing.T) {
	file := readUnitFile(t)
	for _, test := range file.Tests {
		t.Run(test.Name, func(t *testing.T) {
			suite, err := promqltest.NewLazyLoader(test.load(), promqltest.LazyLoaderOpts{
				EnableAtModifier: true, EnableNegativeOffset: true, Parser: newParser(),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer suite.Close()
			test.evaluate(t, suite, file)
			query := rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage())
			for _, c := range test.PromqlExprTest {
				got, err := query(t.Context(), c.Expr, start.Add(time.Duration(c.EvalTime)))
				if err != nil {
					t.Fatal(err)
				}
				c.compare(t, got)
			}
		})
	}
}

// start is when the series of a test begin.
var start = time.Unix(0, 0).UTC()

// load is the test's series in the language of promqltest.
func (u unitTest) load() string {
	var text strings.Builder
	fmt.Fprintf(&text, "load %v\n", u.Interval)
	for _, s := range u.InputSeries {
		fmt.Fprintf(&text, "  %s %s\n", s.Series, s.Values)
	}
	return text.String()
}

// evaluate has the rules evaluated at every interval until the last case.
func (u unitTest) evaluate(t *testing.T, suite *promqltest.LazyLoader, file unitFile) {
	t.Helper()
	var end model.Duration
	for _, c := range u.PromqlExprTest {
		end = max(end, c.EvalTime)
	}
	groups := u.groups(t, suite, file)
	for at := start; !at.After(start.Add(time.Duration(end))); at = at.Add(time.Duration(file.EvaluationInterval)) {
		suite.WithSamplesTill(at, func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range groups {
				group.Eval(suite.Context(), at)
				for _, rule := range group.Rules() {
					check(t, rule)
				}
			}
		})
	}
}

// groups are the groups of rules in the order in which they are evaluated.
func (u unitTest) groups(t *testing.T, suite *promqltest.LazyLoader, file unitFile) []*rules.Group {
	t.Helper()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:    rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage()),
		AppendableV2: suite.Storage(), Context: t.Context(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Logger:     promslog.NewNopLogger(), Parser: newParser(),
	})
	paths := make([]string, len(file.RuleFiles))
	for i, name := range file.RuleFiles {
		paths[i] = deploy + "prometheus/" + name
	}
	loaded, errs := manager.LoadGroups(time.Duration(u.Interval), labels.EmptyLabels(), "", nil, false, paths...)
	for _, err := range errs {
		t.Fatal(err)
	}
	var groups []*rules.Group
	for _, group := range loaded {
		groups = append(groups, group)
		for _, rule := range group.Rules() {
			if alert, ok := rule.(*rules.AlertingRule); ok {
				alert.SetRestored(true) // else it writes no ALERTS
			}
		}
	}
	slices.SortFunc(groups, func(a, b *rules.Group) int {
		return slices.Index(file.GroupEvalOrder, a.Name()) - slices.Index(file.GroupEvalOrder, b.Name())
	})
	return groups
}

// check looks at a rule after its evaluation: at its error, and at the text that people get.
func check(t *testing.T, rule rules.Rule) {
	t.Helper()
	if err := rule.LastError(); err != nil {
		t.Fatalf("%s: %v", rule.Name(), err)
	}
	alert, ok := rule.(*rules.AlertingRule)
	if !ok {
		return
	}
	for _, active := range alert.ActiveAlerts() {
		active.Annotations.Range(func(l labels.Label) {
			if l.Value == "" || strings.ContainsAny(l.Value, "<>") || strings.Contains(l.Value, "  ") || strings.HasPrefix(l.Value, " ") {
				t.Errorf("%s: the %s is %q", rule.Name(), l.Name, l.Value)
			}
		})
	}
}

func (c unitCase) compare(t *testing.T, vector promql.Vector) {
	t.Helper()
	var got, want []string
	for _, sample := range vector {
		got = append(got, fmt.Sprint(sample.Metric, " ", sample.F))
	}
	for _, sample := range c.ExpSamples {
		metric, err := newParser().ParseMetric(sample.Labels)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(metric, " ", sample.Value))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s after %v is\n%s\nwant\n%s", c.Expr, c.EvalTime, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRulesAreAllTested: every alert fires in one case and does not in another.
func TestRulesAreAllTested(t *testing.T) {
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range readUnitFile(t).Tests {
		for _, c := range test.PromqlExprTest {
			for _, name := range matchers(t, c.Expr, labels.AlertName) {
				silent[name] = silent[name] || len(c.ExpSamples) == 0
			}
			for _, sample := range c.ExpSamples {
				metric, err := newParser().ParseMetric(sample.Labels)
				if err != nil {
					t.Fatal(err)
				}
				fires[metric.Get(labels.AlertName)+" "+metric.Get("severity")] = true
			}
		}
	}
	for _, rule := range alertRules(t) {
		if !fires[rule.Alert+" "+rule.Labels["severity"]] {
			t.Errorf("%s (%s) fires in no test", rule.Alert, rule.Labels["severity"])
		}
		if !silent[rule.Alert] {
			t.Errorf("%s fires in every test", rule.Alert)
		}
	}
}
