package app_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestFaultyFilesOfUsersAndRulesAreFaultySettings checks that errors name the fault, and do not repeat contents.
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
		a, err := app.Start(app.Options{Config: configure(t, "127.0.0.1:1", test.settings...), Log: slog.New(slog.NewTextHandler(&log, nil))})
		var faulty *app.ConfigError
		if a != nil || !errors.As(err, &faulty) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, %v", name, a, err)
		}
		if err != nil && name == "users" && strings.Contains(err.Error()+log.String(), "sesame") {
			t.Errorf("%s: what is in the file is told: %v", name, err)
		}
	}
}

// TestAClosedAdminAPIIsNotWarnedOf has clients authenticate and one of them be an administrator.
func TestAClosedAdminAPIIsNotWarnedOf(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(`rules: [{subjects: ["user:root"], admin: true}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	var log kafkatest.LockedText
	a, err := app.Start(app.Options{
		Config: configure(t, "127.0.0.1:1", "WSPROXY_ADMIN_ENDPOINT_ENABLED=true", "WSPROXY_BASIC_AUTH_ENABLED=true",
			"WSPROXY_BASIC_AUTH_USERNAME=root", "WSPROXY_BASIC_AUTH_PASSWORD=sesame", "WSPROXY_AUTHZ_POLICY_FILE="+policy),
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

// TestOpenDoorsAreWarnedOf checks that each is warned of once, at the start.
func TestOpenDoorsAreWarnedOf(t *testing.T) {
	var log kafkatest.LockedText
	a, err := app.Start(app.Options{
		Config: configure(t, "127.0.0.1:1", "WSPROXY_PPROF_ENABLED=true"), Log: slog.New(slog.NewTextHandler(&log, nil)),
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

// TestWhoIsAnAdministratorMustBeSaid has clients authenticate: an admin API for all of them is refused.
func TestWhoIsAnAdministratorMustBeSaid(t *testing.T) {
	write := func(rules string) string {
		path := filepath.Join(t.TempDir(), "policy.yaml")
		if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
		return "WSPROXY_AUTHZ_POLICY_FILE=" + path
	}
	users := []string{"WSPROXY_BASIC_AUTH_ENABLED=true", "WSPROXY_BASIC_AUTH_USERNAME=root", "WSPROXY_BASIC_AUTH_PASSWORD=sesame"}
	kafka := []string{
		"WSPROXY_KAFKA_CLIENT_AUTH_REQUIRED=true", "WSPROXY_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT", "WSPROXY_KAFKA_SASL_MECHANISM=PLAIN",
		"WSPROXY_KAFKA_SASL_USERNAME=u", "WSPROXY_KAFKA_SASL_PASSWORD=p",
	}
	own := []string{"WSPROXY_ADMIN_BASIC_AUTH_USERNAME=a", "WSPROXY_ADMIN_BASIC_AUTH_PASSWORD=p"}
	for name, test := range map[string]struct {
		settings []string
		starts   bool
	}{
		"users":                              {users, false},
		"users and a policy without any":     {append(slices.Clone(users), write("rules: [{subjects: [root], consume: [t]}]")), false},
		"users and a policy that says so":    {append(slices.Clone(users), write("rules: [{subjects: [root], admin: true}]")), true},
		"users and credentials of their own": {append(slices.Clone(users), own...), true},
		"Kafka's users":                      {kafka, false},
		"Kafka's users and credentials":      {append(slices.Clone(kafka), own...), true},
		"nobody":                             {nil, true},
	} {
		a, err := app.Start(app.Options{Config: configure(t, "127.0.0.1:1", append(test.settings, "WSPROXY_ADMIN_ENDPOINT_ENABLED=true")...)})
		if err == nil {
			a.Shutdown()
		}
		var faulty *app.ConfigError
		if (err == nil) != test.starts || err != nil && (!errors.As(err, &faulty) || !strings.HasPrefix(err.Error(), "WSPROXY_ADMIN_ENDPOINT_ENABLED: ")) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
