package chart

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// program builds the proxy once, whose command config judges settings. It stays in the folder of
// built programs, so that the next time nothing has to be linked.
var program = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs(root + "bin/chart.test.wsproxy")
	if err != nil {
		return "", err
	}
	command := exec.Command("go", "build", "-o", path, "./cmd/wsproxy")
	command.Dir = root
	command.Stderr = os.Stderr
	return path, command.Run()
})

// config runs wsproxy config, and returns what it prints.
func config(t *testing.T, environ []string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), path, append([]string{"config"}, arguments...)...)
	command.Env = environ
	var out, errors bytes.Buffer
	command.Stdout, command.Stderr = &out, &errors
	err = command.Run()
	return out.String(), errors.String(), err
}

// leftOpen are the warnings of what the values leave to their user to shut.
var leftOpen = regexp.MustCompile(`(?m)^warning: WSPROXY_(AUTHZ_POLICY_FILE|BASIC_AUTH_ENABLED|BIND_INTERFACE|OPENID_AUDIENCE): is .*$`)

// TestTheProgramTakesTheSettings shows the program the environment of every Deployment.
func TestTheProgramTakesTheSettings(t *testing.T) {
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) {
			for _, o := range render(t, text) {
				if o.kind() != "Deployment" || o.text("metadata", "labels", "app.kubernetes.io/component") != "proxy" {
					continue
				}
				var environ []string
				for variable, value := range environment(t, o) {
					environ = append(environ, variable+"="+value)
				}
				stdout, stderr, err := config(t, environ)
				if err != nil || strings.Contains(leftOpen.ReplaceAllString(stdout, ""), "warning:") {
					t.Errorf("%s: %v\n%s%s", o.name(), err, stderr, stdout)
				}
			}
		})
	}
}

// settings returns the names of all settings without WSPROXY_, and their defaults.
func settings(t *testing.T) map[string]string {
	t.Helper()
	table, stderr, err := config(t, nil, "--markdown")
	if err != nil {
		t.Fatal(err, stderr)
	}
	found := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `WSPROXY_([A-Z_]+)` \\| `?([^`|]*?)`? \\|").FindAllStringSubmatch(table, -1) {
		found[row[1]] = row[2]
	}
	if len(found) < 80 {
		t.Fatalf("%d settings in\n%s", len(found), table)
	}
	return found
}

// ownValues are the settings that the chart makes from values of their own, or takes from
// Secrets, so that config must not name them.
func ownValues() []string {
	return strings.Fields(`
		KAFKA_BOOTSTRAP_HOSTS PORT SSL_PORT ADMIN_PORT PATH_PREFIX
		SSL_ENABLED SSL_ONLY SSL_CERT_FILE SSL_KEY_FILE SSL_CLIENT_CA_FILE ADMIN_SSL_ENABLED
		KAFKA_SECURITY_PROTOCOL KAFKA_SASL_MECHANISM KAFKA_SASL_USERNAME KAFKA_SASL_PASSWORD
		KAFKA_SASL_OAUTH_TOKEN_URL KAFKA_SASL_OAUTH_SCOPE KAFKA_SASL_OAUTH_CLIENT_ID KAFKA_SASL_OAUTH_CLIENT_SECRET
		KAFKA_SSL_CA_FILE KAFKA_SSL_CERT_FILE KAFKA_SSL_KEY_FILE KAFKA_SSL_SERVER_NAME
		BASIC_AUTH_ENABLED BASIC_AUTH_USERNAME BASIC_AUTH_PASSWORD BASIC_AUTH_HTPASSWD_FILE
		OPENID_ENABLED OPENID_WELLKNOWN OPENID_AUDIENCE ADMIN_BASIC_AUTH_USERNAME ADMIN_BASIC_AUTH_PASSWORD
		AUTHZ_POLICY_FILE CLIENT_LIMITS_FILE`)
}

// TestEverySettingIsReachable: config takes all settings but those that have values of their own.
func TestEverySettingIsReachable(t *testing.T) {
	var schema struct {
		Definitions struct {
			Config struct {
				Properties map[string]any `json:"properties"`
			} `json:"config"`
		} `json:"definitions"`
	}
	text, err := os.ReadFile(chartDir + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	all := settings(t)
	for name := range all {
		_, taken := schema.Definitions.Config.Properties[name]
		if own := slices.Contains(ownValues(), name); own == taken {
			t.Errorf("%s: has a value of its own: %t, is taken in config: %t", name, own, taken)
		}
	}
	for name := range schema.Definitions.Config.Properties {
		if _, ok := all[name]; !ok {
			t.Errorf("config takes %s, which is no setting", name)
		}
	}
	for _, name := range ownValues() {
		if _, ok := all[name]; !ok {
			t.Errorf("%s is no setting", name)
		}
	}
}

// TestDefaultsOfTheGrace: the chart counts with the defaults of the program.
func TestDefaultsOfTheGrace(t *testing.T) {
	all := settings(t)
	if all["DRAIN_DELAY"] != "5s" || all["SHUTDOWN_GRACE"] != "25s" {
		t.Errorf("the defaults are %s and %s: change wsproxy.terminationGrace in the chart", all["DRAIN_DELAY"], all["SHUTDOWN_GRACE"])
	}
}
