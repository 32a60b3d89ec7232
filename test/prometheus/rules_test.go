package prometheus

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const runbook = "https://github.com/wsproxy/kafka-websocket-proxy/blob/main/deploy/README.md#"

func alertRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	var alerts []rulefmt.Rule
	for _, group := range ruleGroups(t) {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				alerts = append(alerts, rule)
			}
		}
	}
	return alerts
}

// TestAlertsSayWhatToDo: whoever is woken is told what is wrong and where to read on.
func TestAlertsSayWhatToDo(t *testing.T) {
	for _, rule := range alertRules(t) {
		if !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) {
			t.Errorf("%s: the severity is %q", rule.Alert, rule.Labels["severity"])
		}
		for _, annotation := range []string{"summary", "description"} {
			if rule.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", rule.Alert, annotation)
			}
		}
		if got, want := rule.Annotations["runbook_url"], runbook+strings.ToLower(rule.Alert); got != want {
			t.Errorf("%s: the runbook is %q, want %q", rule.Alert, got, want)
		}
	}
}

// TestRunbook: every alert has its section, and every section its alert.
func TestRunbook(t *testing.T) {
	var alerts, sections []string
	for _, rule := range alertRules(t) {
		alerts = append(alerts, rule.Alert)
	}
	_, after, found := strings.Cut(read(t, deploy+"README.md"), "\n## Runbook\n")
	if !found {
		t.Fatal("deploy/README.md has no runbook")
	}
	text, _, _ := strings.Cut(after, "\n## ")
	for _, match := range regexp.MustCompile(`(?m)^### (.+)\n\n.+`).FindAllStringSubmatch(text, -1) {
		sections = append(sections, match[1])
	}
	if alerts = slices.Compact(alerts); !slices.Equal(alerts, sections) {
		t.Errorf("the alerts are\n%q, the sections of the runbook\n%q", alerts, sections)
	}
}

// TestFaultsOfTheProxy: an alert that tells faults of the proxy from those of its clients names
// exactly the codes that clients get with a status of 500 or above. A broker that has no queues is no fault.
func TestFaultsOfTheProxy(t *testing.T) {
	var want []string
	noFaults := []proxy.Kind{proxy.KindShuttingDown, proxy.KindQueuesUnsupported}
	for kind := range proxy.Kind(255) {
		class := kind.Class()
		if class.Status >= http.StatusInternalServerError && !slices.Contains(noFaults, kind) && !slices.Contains(want, class.Code) {
			want = append(want, class.Code)
		}
	}
	faults := strings.Join(want, "|")
	seen := 0
	for _, rule := range alertRules(t) {
		for _, matcher := range matchers(t, rule.Expr, "code") {
			seen++
			if got := strings.TrimSuffix(matcher, "|"+proxy.KindShuttingDown.String()); got != faults {
				t.Errorf("%s tells the codes %s, want %s", rule.Alert, got, faults)
			}
		}
	}
	if seen == 0 {
		t.Error("no alert looks at codes")
	}
}

// matchers are the values of the matchers of a label in an expression.
func matchers(t *testing.T, text, label string) []string {
	t.Helper()
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, selector := range parser.ExtractSelectors(expr) {
		for _, matcher := range selector {
			if matcher.Name == label {
				values = append(values, matcher.Value)
			}
		}
	}
	return values
}
