package chart

import (
	"bytes"
	"flag"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

const (
	root     = "../../"
	chartDir = root + "charts/wsproxy"
)

var update = flag.Bool("update", false, "write what is made from the chart and the code anew")

func TestMain(m *testing.M) {
	flag.Parse()
	// Helm, helm-docs and Kubernetes log what they also return, or what nobody asked for.
	logrus.SetOutput(io.Discard)
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// same compares a file with what it is made from, or writes it under -update.
func same(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not up to date (%v): cd test/chart && go test . -update", path, err)
	}
}
