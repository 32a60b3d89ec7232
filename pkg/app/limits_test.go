package app_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

func TestAFaultyFileOfLimitsIsAFaultySetting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limits.yaml")
	if err := os.WriteFile(path, []byte("consumers:\n  static:\n    - group-id: g\n      max-connections: -1\n      rate: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path string
		want []string
	}{
		"faulty": {path, []string{
			"WSPROXY_CLIENT_LIMITS_FILE: " + path + ":4: consumers.static[0].max-connections must be a whole number",
			path + `:5: "consumers.static[0].rate" is unknown`,
		}},
		"missing": {path + "x", []string{"WSPROXY_CLIENT_LIMITS_FILE: reading the limits: open " + path + "x"}},
	} {
		a, err := app.Start(app.Options{Config: configure(t, "127.0.0.1:1", "WSPROXY_CLIENT_LIMITS_FILE="+test.path)})
		var faulty *app.ConfigError
		if a != nil || !errors.As(err, &faulty) {
			t.Fatalf("%s: got %v, %v", name, a, err)
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %q, want %q in it", name, err, want)
			}
		}
	}
}

func TestAnOpenAdminAPIIsWarnedOf(t *testing.T) {
	credentials := []string{"WSPROXY_ADMIN_BASIC_AUTH_USERNAME=root", "WSPROXY_ADMIN_BASIC_AUTH_PASSWORD=sesame"}
	for name, test := range map[string]struct {
		settings []string
		warned   bool
	}{
		"open":              {[]string{"WSPROXY_ADMIN_ENDPOINT_ENABLED=true"}, true},
		"with credentials":  {append([]string{"WSPROXY_ADMIN_ENDPOINT_ENABLED=true"}, credentials...), false},
		"not there":         {nil, false},
		"credentials alone": {credentials, false},
	} {
		var log lines // what asks Kafka may log after Shutdown
		a, err := app.Start(app.Options{Config: configure(t, "127.0.0.1:1", test.settings...), Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		a.Shutdown()
		if warned := strings.Contains(log.String(), "the admin API asks for no credentials"); warned != test.warned {
			t.Errorf("%s: the log is\n%s", name, log.String())
		}
		if strings.Contains(log.String(), "sesame") {
			t.Errorf("%s: the password is in the log", name)
		}
	}
}

func TestLimitsAreAReadinessCheckWhereTheyCanBeChanged(t *testing.T) {
	broker := newBroker(t)
	a := start(t, app.Options{Config: configure(t, broker.ListenAddrs()[0], "WSPROXY_DYNAMIC_CONFIG_HANDLER_ENABLED=true")})
	if checks := awaitReadiness(t, a, 200); checks["limits"] != "ok" {
		t.Errorf("the checks are %v", checks)
	}
	fixed := start(t, app.Options{Config: configure(t, broker.ListenAddrs()[0])})
	if checks := awaitReadiness(t, fixed, 200); checks["limits"] != "" {
		t.Errorf("the checks are %v", checks)
	}
	down := start(t, app.Options{Config: configure(t, "127.0.0.1:1", "WSPROXY_DYNAMIC_CONFIG_HANDLER_ENABLED=true")})
	if checks := awaitReadiness(t, down, 503); checks["limits"] == "ok" || checks["limits"] == "" {
		t.Errorf("without Kafka the checks are %v", checks)
	}
}
