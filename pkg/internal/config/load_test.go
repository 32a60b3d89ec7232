package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

const brokers = "WSPROXY_KAFKA_BOOTSTRAP_HOSTS=kafka:9092"

// setEnvironment sets the entries, NAME=value, until the test's end.
func setEnvironment(t *testing.T, entries ...string) {
	t.Helper()
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
}

// load is Load with the one required variable set.
func load(t *testing.T, environ ...string) (*config.Config, []config.Warning, error) {
	t.Helper()
	setEnvironment(t, brokers)
	setEnvironment(t, environ...)
	return config.Load(config.Source{})
}

func mustLoad(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	c, _, err := load(t, environ...)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

// faultsOf loads and returns the lines of the error.
func faultsOf(t *testing.T, environ ...string) []string {
	t.Helper()
	c, _, err := load(t, environ...)
	if err == nil {
		return nil
	}
	if c != nil {
		t.Error("Load returned a configuration beside an error")
	}
	return strings.Split(err.Error(), "\n")
}

func warningsOf(t *testing.T, environ ...string) []string {
	t.Helper()
	_, warnings, _ := load(t, environ...)
	var lines []string
	for _, w := range warnings {
		lines = append(lines, w.String())
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadValues(t *testing.T) {
	c := mustLoad(t,
		"WSPROXY_SERVER_ID=replica-1",
		"WSPROXY_PORT= 0 ",
		"WSPROXY_BIND_INTERFACE=::1",
		"WSPROXY_PPROF_ENABLED=TRUE",
		"WSPROXY_LOG_LEVEL=Debug",
		"WSPROXY_DRAIN_DELAY=1m30s",
		"WSPROXY_MAX_MESSAGE_BYTES=2MiB",
		"WSPROXY_MAX_HEADER_BYTES=10kB",
		"WSPROXY_ALLOWED_TOPICS=orders.*, prices",
		"WSPROXY_PATH_PREFIX=/kafka/ws",
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=a:1,[::1]:9092,10.0.0.1:65535",
		"PORT=1", "OTEL_SERVICE_NAME=x",
	)
	tests := []struct {
		name      string
		got, want any
	}{
		{"text", c.Server.ID, "replica-1"},
		{"number with white space", c.Server.Port, 0},
		{"IPv6 address", c.Server.BindInterface, "::1"},
		{"default that follows another setting", c.Server.AdminBindInterface, "::1"},
		{"bool in capitals", c.Server.PprofEnabled, true},
		{"choice in another case", c.Server.LogLevel, "debug"},
		{"duration", c.Server.DrainDelay, 90 * time.Second},
		{"binary size", c.Sockets.MaxMessageBytes, int64(2 << 20)},
		{"decimal size", c.Server.MaxHeaderBytes, int64(10_000)},
		{"list with white space", c.Security.AllowedTopics, []string{"orders.*", "prices"}},
		{"path prefix", c.Server.PathPrefix, "/kafka/ws"},
		{"later of two entries", c.Kafka.BootstrapHosts, []string{"a:1", "[::1]:9092", "10.0.0.1:65535"}},
		{"untouched default", c.Sockets.PingInterval, 25 * time.Second},
	}
	for _, tt := range tests {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestLoadAcceptsForms(t *testing.T) {
	tests := []struct{ name, variable string }{
		{"origin with scheme", "ALLOWED_ORIGINS=https://example.com"},
		{"origin with port", "ALLOWED_ORIGINS=http://localhost:3000"},
		{"origin with any first part", "ALLOWED_ORIGINS=https://*.example.com:8443"},
		{"any origin", "ALLOWED_ORIGINS=*"},
		{"no origin, files and apps", "ALLOWED_ORIGINS=null,file://,capacitor://localhost,app://.,ionic://*"},
		{"IPv6 origin", "ALLOWED_ORIGINS=http://[::1]:3000,http://[::1]"},
		{"host name with underscore and final dot", "BIND_INTERFACE=my_host.example."},
		{"size in bytes", "MAX_MESSAGE_BYTES=1048576B"},
		{"group names are free", "ALLOWED_GROUPS=Team A/*"},
		{"setting of a feature to come at its default", "KAFKA_SECURITY_PROTOCOL=plaintext"},
		{"its duration spelled differently", "OPENID_REVALIDATION_INTERVAL=60s"},
		{"names of the state topics", "SESSION_STATE_TOPIC=my.sessions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mustLoad(t, "WSPROXY_"+tt.variable)
		})
	}
}

func TestLoadRefusesValues(t *testing.T) {
	tests := []struct{ name, variable, want string }{
		{"word for a number", "PORT=abc", `"abc" is not a whole number`},
		{"fraction for a number", "PORT=80.5", `"80.5" is not a whole number`},
		{"number too large", "PORT=65536", `"65536" is out of range: use 0 to 65535`},
		{"number too small", "MAX_JSON_DEPTH=0", `"0" is out of range: use 1 to 10000`},
		{"number beyond 64 bits", "PORT=99999999999999999999", `"99999999999999999999" is out of range: use 0 to 65535`},
		{"bool", "PPROF_ENABLED=yes", `"yes" is neither true nor false`},
		{"duration without a unit", "DRAIN_DELAY=5", `"5" is not a duration such as 500ms, 30s or 10m`},
		{"negative duration", "DRAIN_DELAY=-5s", `"-5s" is out of range: use 0s to 1h`},
		{"lease that is shorter than a write may take", "SESSION_LEASE=2s", `"2s" is out of range: use 3s to 1h`},
		{"duration that must be positive", "PING_INTERVAL=0s", `"0s" is out of range: use 10ms to 24h`},
		{"size with an unknown unit", "MAX_MESSAGE_BYTES=1Mb", `"1Mb" is not a size such as 65536, 16KiB or 1MiB`},
		{"size without a number", "MAX_MESSAGE_BYTES=MiB", `"MiB" is not a size such as 65536, 16KiB or 1MiB`},
		{"size too large", "MAX_HEADER_BYTES=17MiB", `"17MiB" is out of range: use 1KiB to 16MiB`},
		{"size beyond 64 bits", "MAX_HEADER_BYTES=9999999999GiB", `"9999999999GiB" is out of range: use 1KiB to 16MiB`},
		{"choice", "LOG_LEVEL=loud", `"loud" is not one of debug, info, warn, error`},
		{"empty item", "ALLOWED_TOPICS=a,,b", `"a,,b" has an empty item`},
		{"comma at the end", "ALLOWED_TOPICS=a,", `"a," has an empty item`},
		{"topic glob", "ALLOWED_TOPICS=ok,not ok", `"not ok" is not a glob of topic names (A-Z a-z 0-9 . _ - * ?)`},
		{"topic name", "SESSION_STATE_TOPIC=a/b", `"a/b" is not a topic name (1 to 249 of A-Z a-z 0-9 . _ -)`},
		{"topic that is a dot", "SESSION_STATE_TOPIC=.", `"." is not a topic name (1 to 249 of A-Z a-z 0-9 . _ -)`},
		{"topic that is two dots", "SESSION_STATE_TOPIC=..", `".." is not a topic name (1 to 249 of A-Z a-z 0-9 . _ -)`},
		{"broker without a port", "KAFKA_BOOTSTRAP_HOSTS=a:1,kafka", `"kafka" is not host:port`},
		{"broker with port 0", "KAFKA_BOOTSTRAP_HOSTS=kafka:0", `"kafka:0" is not host:port`},
		{"broker with a protocol", "KAFKA_BOOTSTRAP_HOSTS=PLAINTEXT://kafka:9092", `"PLAINTEXT://kafka:9092" is not host:port`},
		{"address with a port", "BIND_INTERFACE=0.0.0.0:8078", `"0.0.0.0:8078" is neither an IP address nor a host name`},
		{"mistyped IPv4 address", "BIND_INTERFACE=10.0.0.256", `"10.0.0.256" is neither an IP address nor a host name`},
		{"prefix without a slash", "PATH_PREFIX=kafka", `"kafka" is not a path such as /kafka, without a / at its end`},
		{"prefix with a final slash", "PATH_PREFIX=/kafka/", `"/kafka/" is not a path such as /kafka, without a / at its end`},
		{"prefix that climbs", "PATH_PREFIX=/a/..", `"/a/.." is not a path such as /kafka, without a / at its end`},
		{"prefix with a wildcard of the router", "PATH_PREFIX=/{a}", `"/{a}" is not a path such as /kafka, without a / at its end`},
		{"origin with a path", "ALLOWED_ORIGINS=https://a/b", `"https://a/b" is not an origin such as https://example.com, *.example.com, capacitor://localhost or null`},
		{"origin of an app with a path", "ALLOWED_ORIGINS=app://a/b", `"app://a/b" is not an origin such as https://example.com, *.example.com, capacitor://localhost or null`},
		{"origin with port 0", "ALLOWED_ORIGINS=https://a:0", `"https://a:0" is not an origin such as https://example.com, *.example.com, capacitor://localhost or null`},
		{"origin with a star inside a part", "ALLOWED_ORIGINS=a*.b", `"a*.b" is not an origin such as https://example.com, *.example.com, capacitor://localhost or null`},
		{"CIDR", "TRUSTED_PROXIES=10.0.0.1", `"10.0.0.1" is not a CIDR such as 10.0.0.0/8`},
		{"URL of another scheme", "OPENID_WELLKNOWN=ftp://a", `the value is not an http or https URL without credentials`},
		{"URL without a host", "OPENID_WELLKNOWN=http:///x", `the value is not an http or https URL without credentials`},
		{"URL with credentials", "OPENID_WELLKNOWN=https://user:hunter2@idp/x", `the value is not an http or https URL without credentials`},
		{"line break", "SERVER_ID=a\nb", `"a\nb" holds a line break or another control character`},
		{"not UTF-8", "SERVER_ID=a\xff", `"a\xff" is not UTF-8`},
		{"identifier too long", "SERVER_ID=" + strings.Repeat("x", 250), `"` + strings.Repeat("x", 80) + `"... is longer than 249 characters`},
		{"secret", "KAFKA_SASL_PASSWORD=a\tb", `the value holds a line break or another control character`},
		{"value with an @", "KAFKA_BOOTSTRAP_HOSTS=user:hunter2@kafka", `the value is not host:port`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, _, _ := strings.Cut(tt.variable, "=")
			got := faultsOf(t, "WSPROXY_"+tt.variable)
			want := "WSPROXY_" + name + ": " + tt.want
			if len(got) == 0 || got[0] != want {
				t.Errorf("got:\n%s\nwant first:\n%s", strings.Join(got, "\n"), want)
			}
		})
	}
}

func TestLoadReportsAllFaultsTogether(t *testing.T) {
	setEnvironment(t,
		"WSPROXY_PORT=x", "WSPROXY_ADMIN_PORT=y", "WSPROXY_LOG_FORMAT=xml", "WSPROXY_SSL_ENABLED=true", "WSPROXY_CONSOLE_ENABLED=true",
		"WSPROXY_DYNAMIC_CONFIG_TOPIC_NAME=_wsproxy.session.state", "WSPROXY_PORTS=1",
	)
	_, warnings, err := config.Load(config.Source{})
	var faults config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error is %T, want Faults", err)
	}
	wantLines(t, strings.Split(err.Error(), "\n"),
		`WSPROXY_PORT: "x" is not a whole number`,
		`WSPROXY_ADMIN_PORT: "y" is not a whole number`,
		`WSPROXY_LOG_FORMAT: "xml" is not one of json, text`,
		`WSPROXY_KAFKA_BOOTSTRAP_HOSTS: is required: brokers to start from, as host:port,host:port`,
		`WSPROXY_SSL_ENABLED: is set without WSPROXY_SSL_CERT_FILE`,
		`WSPROXY_SSL_ENABLED: is set without WSPROXY_SSL_KEY_FILE`,
		`WSPROXY_CONSOLE_ENABLED: is set without WSPROXY_ADMIN_ENDPOINT_ENABLED`,
		`WSPROXY_DYNAMIC_CONFIG_TOPIC_NAME: is the topic of WSPROXY_SESSION_STATE_TOPIC too`,
	)
	if len(faults) != 8 || len(warnings) != 1 {
		t.Errorf("got %d faults and %d warnings, want 8 and 1", len(faults), len(warnings))
	}
}

func TestLoadReadsFiles(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"as it is", "replica", "replica"},
		{"one newline is cut", "replica\n", "replica"},
		{"one Windows newline is cut", "replica\r\n", "replica"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, "WSPROXY_SERVER_ID_FILE="+writeFile(t, tt.content), "WSPROXY_SERVER_ID=")
			if c.Server.ID != tt.want {
				t.Errorf("got %q, want %q", c.Server.ID, tt.want)
			}
		})
	}
}

func TestLoadRefusesFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	tests := []struct {
		name    string
		environ []string
		want    string
	}{
		{
			"beside the value",
			[]string{"WSPROXY_PORT=1", "WSPROXY_PORT_FILE=" + missing},
			"WSPROXY_PORT: excludes WSPROXY_PORT_FILE: set one of them",
		},
		{
			"missing",
			[]string{"WSPROXY_PORT_FILE=" + missing},
			"WSPROXY_PORT_FILE: reading the value: open " + missing + ": no such file or directory",
		},
		{"empty", []string{"WSPROXY_PORT_FILE=" + writeFile(t, "\n")}, "WSPROXY_PORT_FILE: names an empty file"},
		{
			"bad value, which is not repeated",
			[]string{"WSPROXY_PORT_FILE=" + writeFile(t, "hunter2")},
			"WSPROXY_PORT_FILE: the value is not a whole number",
		},
		{
			"second newline of a secret",
			[]string{"WSPROXY_ADMIN_BASIC_AUTH_PASSWORD_FILE=" + writeFile(t, "hunter2\n\n"), "WSPROXY_ADMIN_BASIC_AUTH_USERNAME=u"},
			"WSPROXY_ADMIN_BASIC_AUTH_PASSWORD_FILE: the value holds a line break or another control character",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantLines(t, faultsOf(t, tt.environ...), tt.want)
		})
	}
}

func TestLoadRefusesALargeFile(t *testing.T) {
	path := writeFile(t, strings.Repeat("x", 1<<20+1))
	wantLines(t, faultsOf(t, "WSPROXY_SERVER_ID_FILE="+path),
		"WSPROXY_SERVER_ID_FILE: reading the value: "+path+" is larger than 1MiB")
}

func TestLoadSharesNothing(t *testing.T) {
	first := mustLoad(t)
	first.Security.AllowedTopics[0] = "changed"
	first.Kafka.BootstrapHosts[0] = "changed"
	second := mustLoad(t)
	if second.Security.AllowedTopics[0] != "*" || second.Kafka.BootstrapHosts[0] != "kafka:9092" {
		t.Error("a change to one configuration is seen in another")
	}
}
