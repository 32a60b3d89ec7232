package prometheus

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	deploy    = "../../deploy/"
	rulesFile = deploy + "prometheus/rules.yaml"
)

// newParser takes what a Prometheus without feature flags takes.
func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// ruleGroups are the rules, checked as Prometheus checks them when it starts.
func ruleGroups(t *testing.T) []rulefmt.RuleGroup {
	t.Helper()
	groups, errs := rulefmt.ParseFile(rulesFile, false, model.UTF8Validation, newParser(), promslog.NewNopLogger())
	for _, err := range errs {
		t.Fatal(err)
	}
	return groups.Groups
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
