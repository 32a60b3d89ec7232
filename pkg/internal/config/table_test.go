package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

func TestWriteTable(t *testing.T) {
	var out strings.Builder
	if err := config.Settings(mustLoad(t, "WSPROXY_PORT=80")).WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if lines[0] != "Server" || strings.Join(strings.Fields(lines[1]), " ") != "NAME VALUE DEFAULT WHAT IT DOES" {
		t.Errorf("the table starts with %q", lines[:2])
	}
	want := "WSPROXY_PORT 80 8078 port of the plain listener; 0 takes any free one"
	if got := strings.Join(strings.Fields(lines[4]), " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := strings.Count(out.String(), "WSPROXY_"); got < len(config.Settings(nil)) {
		t.Errorf("%d names in the table, want at least %d", got, len(config.Settings(nil)))
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := config.Settings(nil).Markdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| Variable | Default | What it does |\n|---|---|---|\n| **Server** | | |\n",
		"| `WSPROXY_SERVER_ID` | host name | this replica's name in sessions, logs and metrics |\n",
		"| `WSPROXY_ALLOWED_TOPICS` | `*` | comma list of globs of the topics that clients may use; never \\_\\_\\* and \\_wsproxy.\\*, and others that begin with \\_ by a glob that does |\n",
		"| `WSPROXY_LOG_FORMAT` | `json` | form of the log's lines: json, text |\n",
		"| `WSPROXY_ADMIN_SSL_ENABLED` | as WSPROXY\\_SSL\\_ENABLED |",
		"| **Sessions and dynamic configuration** | | |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	for line := range strings.Lines(out.String()) {
		if strings.Count(line, "|") != 4 {
			t.Errorf("not three columns: %s", line)
		}
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestTablesReportWriteErrors(t *testing.T) {
	t.Parallel()
	if err := config.Settings(nil).WriteTable(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("WriteTable: got %v", err)
	}
	if err := config.Settings(nil).Markdown(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("Markdown: got %v", err)
	}
}
