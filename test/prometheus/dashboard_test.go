package prometheus

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// dashboard is what Grafana imports, as far as it is looked at here.
type dashboard struct {
	ID            *int   `json:"id"`
	UID           string `json:"uid"`
	Title         string `json:"title"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type variable struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Query      string      `json:"query"`
	AllValue   string      `json:"allValue"`
	Datasource *datasource `json:"datasource"`
}

type datasource struct{ Type, UID string }

type panel struct {
	ID          int    `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Type        string `json:"type"`
	Datasource  *datasource
	GridPos     struct{ X, Y, W, H int } `json:"gridPos"`
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Targets []target `json:"targets"`
}

type target struct {
	RefID        string `json:"refId"`
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
}

// stable are the panels that show zero while all is well, or nothing but a fact.
var stable = []string{"State lag", "Restarts", "Locks that have ended"}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	paths, err := filepath.Glob(deploy + "grafana/dashboards/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d dashboards: %v", len(paths), err)
	}
	all := make(map[string]dashboard)
	for _, path := range paths {
		var d dashboard
		if err := json.Unmarshal([]byte(read(t, path)), &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[filepath.Base(path)] = d
	}
	return all
}

// TestDashboardsCanBeImported: Grafana gives a dashboard its id, finds it again by its uid, and
// asks for the data source of everything that names one by a variable.
func TestDashboardsCanBeImported(t *testing.T) {
	for name, d := range dashboards(t) {
		if d.ID != nil || d.UID == "" || d.Title == "" || d.SchemaVersion < 39 {
			t.Errorf("%s: id %v, uid %q, title %q, schema %d", name, d.ID, d.UID, d.Title, d.SchemaVersion)
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" && (v.Datasource == nil || v.Datasource.UID != "${datasource}") {
				t.Errorf("%s: the variable %s is of another data source", name, v.Name)
			}
		}
		ids := map[int]bool{}
		for i, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: the id of %s is taken", name, p.Title)
			}
			ids[p.ID] = true
			p.lookAt(t)
			for _, other := range d.Panels[:i] {
				if p.overlaps(other) {
					t.Errorf("%s: %s lies on %s", name, p.Title, other.Title)
				}
			}
		}
	}
}

func (p panel) lookAt(t *testing.T) {
	t.Helper()
	if p.Title == "" || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
		t.Errorf("%d %q lies at %+v", p.ID, p.Title, p.GridPos)
	}
	if p.Type == "row" {
		return
	}
	if p.Datasource == nil || p.Datasource.UID != "${datasource}" || p.Datasource.Type != "prometheus" {
		t.Errorf("%s is of another data source", p.Title)
	}
	if p.FieldConfig.Defaults.Unit == "" || p.Description == "" || len(p.Targets) == 0 {
		t.Errorf("%s has the unit %q, the description %q and %d queries", p.Title, p.FieldConfig.Defaults.Unit, p.Description, len(p.Targets))
	}
}

func (p panel) overlaps(o panel) bool {
	a, b := p.GridPos, o.GridPos
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// question is a query of a dashboard, as Grafana sends it.
type question struct {
	where, expr string
	legend      string
	zero        bool // is an answer
}

// questions are those of all dashboards: of the panels and of the variables.
func questions(t *testing.T) []question {
	t.Helper()
	var all []question
	for name, d := range dashboards(t) {
		fill := d.filler(t)
		for _, v := range d.Templating.List {
			if v.Type == "query" {
				all = append(all, question{where: name + ": variable " + v.Name, expr: fill.Replace(v.values(t)), zero: true})
			}
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				all = append(all, question{
					where: name + ": " + p.Title + " " + q.RefID, expr: fill.Replace(q.Expr), legend: q.LegendFormat,
					zero: slices.Contains(stable, p.Title),
				})
			}
		}
	}
	for _, q := range all {
		if strings.Contains(q.expr, "$") {
			t.Errorf("%s: a variable is left in %s", q.where, q.expr)
		}
	}
	return all
}

// filler puts values for variables: those that deploy/prometheus/prometheus.yml gives the proxy,
// as Grafana writes several, and everything for the rest.
func (d dashboard) filler(t *testing.T) *strings.Replacer {
	t.Helper()
	chosen := map[string]string{"namespace": "(compose|other)", "job": "(wsproxy|other)", "pod": "(wsproxy|other)"}
	pairs := []string{"$__rate_interval", (4 * scrapeInterval).String()}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		value := chosen[v.Name]
		if value == "" {
			if value = v.AllValue; value != ".*" {
				t.Errorf("all of %s is %q, which leaves out what has none", v.Name, value)
			}
		}
		pairs = append(pairs, "$"+v.Name, value)
	}
	return strings.NewReplacer(pairs...)
}

// values is PromQL for what a variable can be.
func (v variable) values(t *testing.T) string {
	t.Helper()
	match := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.Query)
	if match == nil {
		t.Fatalf("the variable %s asks %s", v.Name, v.Query)
	}
	return "count by (" + match[2] + ") (" + strings.Replace(match[1], "{", "{"+match[2]+`!="",`, 1) + ")"
}

// legends are the labels that a legend shows.
func (q question) legends() []string {
	var names []string
	for _, match := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(q.legend, -1) {
		names = append(names, match[1])
	}
	return names
}

// answered tells whether what came of a question can be shown.
func (q question) answered(matrix promql.Matrix) bool {
	if value, found := most(matrix); !found || value <= 0 && !q.zero {
		return false
	}
	for _, name := range q.legends() {
		if slices.ContainsFunc(matrix, func(series promql.Series) bool { return !series.Metric.Has(name) }) {
			return false
		}
	}
	return true
}

// TestProxyUnderLoad has a Prometheus scrape a proxy under load. Every query of the dashboards must
// come to have an answer, every recording rule values, and whatever dashboards and rules name must
// be there.
func TestProxyUnderLoad(t *testing.T) {
	l := startLoad(t)
	s := newServer(t, l.app.AdminAddr())
	open := questions(t)
	for _, name := range recordings(t) {
		open = append(open, question{where: "rules.yaml", expr: name})
	}
	asked := len(open)
	until(t, "every query has an answer", func() bool {
		open = slices.DeleteFunc(open, func(q question) bool { return q.answered(s.query(t, q.expr)) })
		return len(open) == 0
	})
	t.Logf("%d of %d queries had an answer within %v", asked-len(open), asked, time.Since(s.began))
	for _, q := range open {
		t.Errorf("%s has no answer: %s gives %v", q.where, q.expr, s.query(t, q.expr))
	}
	s.missing(t)
	s.failed(t)
}

// recordings are the names of the recording rules.
func recordings(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, group := range ruleGroups(t) {
		for _, rule := range group.Rules {
			if rule.Record != "" {
				names = append(names, rule.Record)
			}
		}
	}
	return names
}

// missing reports what dashboards and rules name and nobody has scraped. What Prometheus makes by
// itself is among its series too, but for ALERTS, which are there while one is.
func (s *server) missing(t *testing.T) {
	t.Helper()
	there := s.names(t)
	there["ALERTS"] = true
	for _, q := range questions(t) {
		reportMissing(t, q.where, q.expr, there)
	}
	for _, group := range ruleGroups(t) {
		for _, rule := range group.Rules {
			reportMissing(t, "rules.yaml: "+rule.Record+rule.Alert, rule.Expr, there)
		}
	}
}

// failed reports the rules that could not be evaluated.
func (s *server) failed(t *testing.T) {
	t.Helper()
	for _, group := range s.rules.RuleGroups() {
		for _, rule := range group.Rules() {
			if err := rule.LastError(); err != nil {
				t.Errorf("%s: %v", rule.Name(), err)
			}
		}
	}
}

func reportMissing(t *testing.T, where, text string, there map[string]bool) {
	t.Helper()
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	for _, selector := range parser.ExtractSelectors(expr) {
		for _, matcher := range selector {
			if matcher.Name == model.MetricNameLabel && !named(matcher, there) {
				t.Errorf("%s names %s, which is not in /metrics", where, matcher.Value)
			}
		}
	}
}

func named(matcher *labels.Matcher, there map[string]bool) bool {
	for name := range there {
		if matcher.Matches(name) {
			return true
		}
	}
	return false
}
