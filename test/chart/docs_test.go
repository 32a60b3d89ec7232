package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/norwoodj/helm-docs/pkg/document"
	"github.com/norwoodj/helm-docs/pkg/helm"
	"github.com/spf13/viper"
)

// TestReadme compares the chart's README with what helm-docs makes. Every value must have a description.
func TestReadme(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"Chart.yaml", "values.yaml", "README.md.gotmpl"} {
		text, err := os.ReadFile(filepath.Join(chartDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	viper.Set("values-file", "values.yaml")
	viper.Set("output-file", "README.md")
	viper.Set("sort-values-order", document.FileSortOrder)
	info, err := helm.ParseChartInformation(dir, helm.ChartValuesDocumentationParsingConfig{})
	if err != nil {
		t.Fatal(err)
	}
	document.PrintDocumentation(info, dir, []string{"README.md.gotmpl"}, false, "", "flat-square", nil, true)
	made, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for row := range strings.SplitSeq(string(made), "\n") {
		if strings.HasPrefix(row, "| ") && strings.HasSuffix(row, "|  |") {
			t.Errorf("a value has no description: %s", row)
		}
	}
	same(t, filepath.Join(chartDir, "README.md"), made)
}
