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
	for name, test := range map[string]struct {
		settings []string
		want     string
	}{
		"users":         {[]string{basic, "WSPROXY_BASIC_AUTH_HTPASSWD_FILE=" + path}, "WSPROXY_BASIC_AUTH_HTPASSWD_FILE: reading users: line 1: "},
		"missing users": {[]string{basic, "WSPROXY_BASIC_AUTH_HTPASSWD_FILE=" + path + "x"}, "WSPROXY_BASIC_AUTH_HTPASSWD_FILE: reading a file: "},
		"rules":         {[]string{"WSPROXY_AUTHZ_POLICY_FILE=" + path}, "WSPROXY_AUTHZ_POLICY_FILE: reading the policy: " + path + ": line 1: "},
		"missing rules": {[]string{"WSPROXY_AUTHZ_POLICY_FILE=" + path + "x"}, "WSPROXY_AUTHZ_POLICY_FILE: reading a file: "},
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

// TestTransactionsOfOtherUsersAreWarnedOf where nothing keeps users from fencing each other.
func TestTransactionsOfOtherUsersAreWarnedOf(t *testing.T) {
	users := []string{"WSPROXY_BASIC_AUTH_ENABLED=true", "WSPROXY_BASIC_AUTH_USERNAME=root", "WSPROXY_BASIC_AUTH_PASSWORD=sesame"}
	transactions, sessions := "WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED=true", "WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED=true"
	for name, test := range map[string]struct {
		settings []string
		warned   bool
	}{
		"users without sessions": {append([]string{transactions}, users...), true},
		"users with sessions":    {append([]string{transactions, sessions}, users...), false},
		"no users":               {[]string{transactions}, false},
		"no transactions":        {users, false},
	} {
		var log kafkatest.LockedText
		a, err := app.Start(app.Options{Environ: environ("127.0.0.1:1", test.settings...), Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		a.Shutdown()
		if warned := strings.Contains(log.String(), "can fence the transactions of another user"); warned != test.warned {
			t.Errorf("%s: the log is\n%s", name, log.String())
		}
	}
}
