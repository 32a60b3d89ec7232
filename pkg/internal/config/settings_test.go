package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

// documented is a row of the configuration's documentation: the name without WSPROXY_, what
// is printed as the default, and the value in force where that is another text.
type documented struct{ name, shown, value string }

// documentedDefaults is written by hand: it is the contract that the tags must keep.
func documentedDefaults() []documented {
	same := func(name, value string) documented { return documented{name, value, value} }
	return []documented{
		{"SERVER_ID", "host name", ""},
		same("BIND_INTERFACE", "0.0.0.0"), same("PORT", "8078"),
		same("SSL_ENABLED", "false"), same("SSL_ONLY", "false"), same("SSL_BIND_INTERFACE", "0.0.0.0"), same("SSL_PORT", "8443"),
		same("SSL_CERT_FILE", ""), same("SSL_KEY_FILE", ""), same("SSL_CLIENT_CA_FILE", ""),
		same("SSL_CLIENT_NAME", "cn"), same("FORWARDED_CLIENT_CERT", ""),
		same("ADMIN_ENDPOINT_ENABLED", "false"),
		{"ADMIN_BIND_INTERFACE", "as WSPROXY_BIND_INTERFACE", "0.0.0.0"},
		same("ADMIN_PORT", "9078"),
		same("SECURE_HEALTHCHECK_ENDPOINT", "true"),
		same("CONSOLE_ENABLED", "false"), same("CONSOLE_DOWNLOAD_ENABLED", "true"),
		same("PPROF_ENABLED", "false"),
		same("PATH_PREFIX", ""),
		same("DRAIN_DELAY", "5s"), same("SHUTDOWN_GRACE", "25s"),
		{"ADMIN_SSL_ENABLED", "as WSPROXY_SSL_ENABLED", "false"},
		{"TRUSTED_PROXIES", "none", ""},
		same("MAX_HEADER_BYTES", "16KiB"), same("MAX_HANDSHAKES", "256"), same("MAX_CONNECTIONS_PER_ADDRESS", "0"),
		same("TRACE_CONTEXT_TRUSTED", "false"),
		same("LOG_LEVEL", "info"), same("LOG_FORMAT", "json"),

		same("MAX_CONNECTIONS", "0"), same("MAX_CONNECTIONS_PER_SUBJECT", "0"), same("MAX_CONNECTION_AGE", "0s"),
		{"MEMORY_BUDGET", "60 % of the memory limit", "-1"},
		same("MAX_MESSAGE_BYTES", "1MiB"),
		same("PING_INTERVAL", "25s"), same("PONG_TIMEOUT", "10s"), same("WRITE_TIMEOUT", "2m"), same("HANDSHAKE_TIMEOUT", "10s"),
		same("MAX_JSON_DEPTH", "512"),
		same("COMPRESSION_ENABLED", "false"), same("COMPRESSION_MIN_BYTES", "512"),
		{"ALLOWED_ORIGINS", "same host", ""},

		{"KAFKA_BOOTSTRAP_HOSTS", "required", ""},
		same("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
		same("KAFKA_SASL_MECHANISM", ""), same("KAFKA_SASL_USERNAME", ""), same("KAFKA_SASL_PASSWORD", ""),
		same("KAFKA_SASL_OAUTH_TOKEN_URL", ""), same("KAFKA_SASL_OAUTH_CLIENT_ID", ""), same("KAFKA_SASL_OAUTH_CLIENT_SECRET", ""),
		same("KAFKA_SASL_OAUTH_SCOPE", ""),
		{"KAFKA_SASL_OAUTH_PARAMETERS", "none", ""},
		{"KAFKA_SASL_OAUTH_EXTENSIONS", "none", ""},
		{"KAFKA_SASL_OAUTH_CA_FILE", "system CAs", ""},
		same("KAFKA_SASL_OAUTH_TOKEN_FILE", ""),
		same("KAFKA_RACK", ""),
		{"KAFKA_SSL_CA_FILE", "system CAs", ""},
		same("KAFKA_SSL_CERT_FILE", ""), same("KAFKA_SSL_KEY_FILE", ""), same("KAFKA_SSL_SERVER_NAME", ""),
		same("KAFKA_CLIENT_REQUEST_TIMEOUT", "30s"), same("KAFKA_PRODUCER_DELIVERY_TIMEOUT", "30s"),
		same("KAFKA_PRODUCER_COMPRESSION_TYPE", "none"), same("KAFKA_PRODUCER_LINGER", "0s"),
		same("KAFKA_CLIENT_IDLE_TIMEOUT", "1m"), same("KAFKA_MAX_PRODUCER_CLIENTS", "1000"),

		same("TAIL_BUFFER_BYTES", "64MiB"), same("TAIL_SNAPSHOT_BYTES", "256MiB"),
		same("TAIL_CATCHUP_READERS", "16"), same("TAIL_TICK", "2ms"),

		same("KAFKA_PRODUCER_SESSIONS_ENABLED", "false"),
		same("PRODUCER_EXACTLY_ONCE_ENABLED", "false"),
		same("PRODUCER_MAX_IN_FLIGHT", "4096"),
		same("PRODUCER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC", "0"),
		same("PRODUCER_DEFAULT_MAX_CLIENT_CONNECTIONS", "0"),

		same("CONSUMER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC", "0"),
		same("CONSUMER_DEFAULT_MAX_CLIENT_CONNECTIONS", "0"),
		same("CONSUMER_DEFAULT_BATCH_SIZE", "0"),
		same("CONSUMER_COMMIT_INTERVAL", "1s"),
		same("CONSUMER_SESSION_TIMEOUT", "15s"),

		same("SESSION_STATE_TOPIC", "_wsproxy.session.state"), same("SESSION_STATE_REPLICATION_FACTOR", "3"),
		same("SESSION_LEASE", "15s"),
		same("DYNAMIC_CONFIG_HANDLER_ENABLED", "false"), same("DYNAMIC_CONFIG_TOPIC_NAME", "_wsproxy.dynamic.configs"),
		same("DYNAMIC_CONFIG_REPLICATION_FACTOR", "3"),
		same("CLIENT_LIMITS_FILE", ""),

		same("BASIC_AUTH_ENABLED", "false"), same("BASIC_AUTH_REALM", ""), same("BASIC_AUTH_USERNAME", ""),
		same("BASIC_AUTH_PASSWORD", ""), same("BASIC_AUTH_HTPASSWD_FILE", ""),
		same("OPENID_ENABLED", "false"), same("OPENID_WELLKNOWN", ""), same("OPENID_AUDIENCE", ""),
		{"OPENID_CA_FILE", "system CAs", ""},
		{"OPENID_ISSUER", "the document's", ""},
		{"OPENID_SUBJECT_CLAIM", "sub", ""},
		{"OPENID_AUDIENCE_CLAIM", "aud", ""},
		same("OPENID_REALM", ""),
		same("OPENID_REVALIDATION_INTERVAL", "1m"), same("OPENID_REVALIDATION_ERRORS_LIMIT", "-1"),
		same("JWT_KAFKA_USERNAME_KEY", ""), same("JWT_KAFKA_PASSWORD_KEY", ""), same("JWT_KAFKA_TOKEN_AUTH_ONLY", "false"),
		same("KAFKA_OAUTH_PASSTHROUGH", "false"),
		same("KAFKA_CLIENT_AUTH_REQUIRED", "false"),
		same("ALLOWED_TOPICS", "*"), same("ALLOWED_GROUPS", "*"),
		same("AUTHZ_POLICY_FILE", ""),
		same("ADMIN_BASIC_AUTH_USERNAME", ""), same("ADMIN_BASIC_AUTH_PASSWORD", ""),
	}
}

func TestDefaultsAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	want := documentedDefaults()
	got := config.Settings(nil)
	if len(got) != len(want) {
		t.Fatalf("%d settings, want %d", len(got), len(want))
	}
	for i, w := range want {
		if g := got[i]; g.Name != "WSPROXY_"+w.name || g.Default != w.shown || g.Value != w.value {
			t.Errorf("got %s, default %q, value %q; want %+v", g.Name, g.Default, g.Value, w)
		}
	}
}

func TestLoadOfNothingIsTheDefaults(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	loaded := config.Settings(mustLoad(t))
	for i, s := range config.Settings(nil) {
		switch s.Name {
		case "WSPROXY_SERVER_ID":
			s.Value = host
		case "WSPROXY_KAFKA_BOOTSTRAP_HOSTS":
			s.Value = "kafka:9092"
		}
		if loaded[i] != s {
			t.Errorf("got %+v, want %+v", loaded[i], s)
		}
	}
}

func TestHelpIsALineOfATable(t *testing.T) {
	t.Parallel()
	for _, s := range config.Settings(nil) {
		if s.Help == "" || strings.ContainsAny(s.Help, "\n\t|") {
			t.Errorf("%s: help %q is not one line of a table", s.Name, s.Help)
		}
	}
}

// planted is a configuration with every secret set, which Load does not yet return.
func planted() *config.Config {
	c := new(config.Config)
	c.Kafka.SASLPassword = "hunter2-sasl"
	c.Kafka.SASLOAuthClientSecret = "hunter2-oauth"
	c.Security.BasicAuthPassword = "hunter2-basic"
	c.Security.AdminBasicAuthPassword = "hunter2-admin"
	return c
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	c := planted()
	masked := 0
	for _, s := range config.Settings(c) {
		if s.Value == "***" {
			masked++
		}
	}
	if masked != 4 {
		t.Errorf("%d settings show ***, want 4", masked)
	}
	var out strings.Builder
	errTable := config.Settings(c).WriteTable(&out)
	errMarkdown := config.Settings(c).Markdown(&out)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", c, "secret", c.Kafka.SASLPassword)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", *c, "secret", c.Kafka.SASLPassword)
	errJSON := json.NewEncoder(&out).Encode(c)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, *c)
		fmt.Fprintf(&out, verb, c.Kafka.SASLPassword)
	}
	if err := errors.Join(errTable, errMarkdown, errJSON); err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"hunter2", fmt.Sprintf("%x", "hunter2")} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%s is in the output:\n%s", leak, out.String())
		}
	}
}

func TestFaultsAndWarningsHoldNoSecret(t *testing.T) {
	for _, name := range []string{
		"KAFKA_SASL_PASSWORD", "KAFKA_SASL_OAUTH_CLIENT_SECRET", "BASIC_AUTH_PASSWORD", "ADMIN_BASIC_AUTH_PASSWORD",
	} {
		tests := []struct{ name, entry string }{
			{"good", "=hunter2"},
			{"bad", "=hunter2\x01"},
			{"not UTF-8", "=hunter2\xff"},
			{"file", "_FILE=" + writeFile(t, "hunter2")},
			{"bad file", "_FILE=" + writeFile(t, "hunter2\n\n")},
			{"misspelled name", "S=hunter2"},
		}
		for _, tt := range tests {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				_, warnings, err := load(t, "WSPROXY_"+name+tt.entry)
				text := fmt.Sprint(warnings, err)
				if len(warnings) == 0 && err == nil {
					t.Error("neither a fault nor a warning")
				}
				if strings.Contains(text, "hunter2") {
					t.Errorf("secret shown: %s", text)
				}
			})
		}
	}
}

func TestFaultsHoldNoCredentialsOfAURL(t *testing.T) {
	for _, entry := range []string{
		"WSPROXY_OPENID_WELLKNOWN=https://user:hunter2@idp/x",
		"WSPROXY_KAFKA_SASL_OAUTH_TOKEN_URL=https://user:hunter2%zz@idp/x",
	} {
		t.Run(entry, func(t *testing.T) {
			_, _, err := load(t, entry)
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
}
