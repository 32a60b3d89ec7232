package chart

import (
	"testing"

	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

// TestLint is helm lint --strict, for the values as they are and for each set.
func TestLint(t *testing.T) {
	sets := cases(t)
	sets["values as they are"] = ""
	for name, text := range sets {
		t.Run(name, func(t *testing.T) {
			result := lint.All(chartDir, values(t, text), "streams", true)
			for _, m := range result.Messages {
				if m.Severity >= support.WarningSev {
					t.Error(m)
				}
			}
		})
	}
}
