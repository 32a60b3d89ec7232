package app_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestFaultyFilesOfUsersAndRulesAreFaultySettings says what is wrong, and nothing of what is in them.
func TestFaultyFilesOfUsersAndRulesAreFaultySettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("alice:sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	basic := "WSPROXY_BASIC_AUTH_ENABLED=true"
	user := []string{basic, "WSPROXY_BASIC_AUTH_USERNAME=root", "WSPROXY_BASIC_AUTH_PASSWORD=another"}
	for name, test := range map[string]struct {
		settings []string
		want     string
	}{
		"users":         {[]string{basic, "WSPROXY_BASIC_AUTH_HTPASSWD_FILE=" + path}, "WSPROXY_BASIC_AUTH_HTPASSWD_FILE: reading users: line 1: "},
		"missing users": {[]string{basic, "WSPROXY_BASIC_AUTH_HTPASSWD_FILE=" + path + "x"}, "WSPROXY_BASIC_AUTH_HTPASSWD_FILE: reading a file: "},
		"rules":         {append([]string{"WSPROXY_AUTHZ_POLICY_FILE=" + path}, user...), "WSPROXY_AUTHZ_POLICY_FILE: reading the policy: " + path + ": line 1: "},
		"missing rules": {append([]string{"WSPROXY_AUTHZ_POLICY_FILE=" + path + "x"}, user...), "WSPROXY_AUTHZ_POLICY_FILE: reading a file: "},
	} {
		var log kafkatest.LockedText
		a, err := app.Start(app.Options{Environ: environ("127.0.0.1:1", test.settings...), Log: slog.New(slog.NewTextHandler(&log, nil))})
		var faulty *app.ConfigError
		if a != nil || !errors.As(err, &faulty) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, %v", name, a, err)
		}
		if err != nil && name == "users" && strings.Contains(err.Error()+log.String(), "sesame") {
			t.Errorf("%s: what is in the file is told: %v", name, err)
		}
	}
}

// TestClientsCredentialsCloseTheAdminAPIToo, so that nobody is warned.
func TestClientsCredentialsCloseTheAdminAPIToo(t *testing.T) {
	var log kafkatest.LockedText
	a, err := app.Start(app.Options{
		Environ: environ("127.0.0.1:1", "WSPROXY_ADMIN_ENDPOINT_ENABLED=true", "WSPROXY_BASIC_AUTH_ENABLED=true",
			"WSPROXY_BASIC_AUTH_USERNAME=root", "WSPROXY_BASIC_AUTH_PASSWORD=sesame"),
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Shutdown()
	if strings.Contains(log.String(), "asks for no credentials") || strings.Contains(log.String(), "sesame") {
		t.Errorf("the log is\n%s", log.String())
	}
}

// TestOpenDoorsAreWarnedOf once each, at the start.
func TestOpenDoorsAreWarnedOf(t *testing.T) {
	var log kafkatest.LockedText
	a, err := app.Start(app.Options{
		Environ: environ("127.0.0.1:1", "WSPROXY_PPROF_ENABLED=true"), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Shutdown()
	for _, name := range []string{"WSPROXY_BASIC_AUTH_ENABLED", "WSPROXY_PPROF_ENABLED"} {
		if n := strings.Count(log.String(), `level=WARN msg="`+name+": "); n != 1 {
			t.Errorf("%d lines warn of %s:\n%s", n, name, log.String())
		}
	}
}
