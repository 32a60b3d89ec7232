package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

// TestNamesWithoutThePrefixAreNotRead sets all of them to a value that no setting accepts: PORT is set in
// many containers, and SSL_CERT_FILE is a variable of OpenSSL.
func TestNamesWithoutThePrefixAreNotRead(t *testing.T) {
	for _, s := range config.Settings(nil) {
		t.Setenv(strings.TrimPrefix(s.Name, config.Prefix), "\x01")
	}
	loaded := config.Settings(mustLoad(t, "WSPROXY_SERVER_ID=x"))
	alone, _, err := config.Load(config.Source{Alone: true, Over: []string{brokers, "WSPROXY_SERVER_ID=x"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range config.Settings(alone) {
		if loaded[i] != s {
			t.Errorf("got %+v, want %+v", loaded[i], s)
		}
	}
}

// TestARequiredSettingHasNoOtherName is the case of a required setting, whose absence is a fault.
func TestARequiredSettingHasNoOtherName(t *testing.T) {
	t.Setenv("KAFKA_BOOTSTRAP_HOSTS", "kafka:9092")
	_, _, err := config.Load(config.Source{})
	want := "WSPROXY_KAFKA_BOOTSTRAP_HOSTS: is required: brokers to start from, as host:port,host:port"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSources(t *testing.T) {
	setEnvironment(t, brokers, "WSPROXY_PORT=1", "WSPROXY_ADMIN_PORT=2", "WSPROXY_DRAIN_DELAY=3s", "WSPROXY_XYZZY=x")
	over := []string{"WSPROXY_PORT=9", "WSPROXY_PORT=10", "WSPROXY_ADMIN_PORT=", "WSPROXY_KAFKA_BOOTSTRAP_HOSTS=a:1", "WSPROXY_XYZZY=", "PORT=x"}
	for name, test := range map[string]struct {
		source      config.Source
		port, admin int
		drain       string
		warnings    int
	}{
		"environment":           {config.Source{}, 1, 2, "3s", 1},
		"what wins over it":     {config.Source{Over: over}, 10, 9078, "3s", 0},
		"without it":            {config.Source{Over: over, Alone: true}, 10, 9078, "5s", 0},
		"nothing that is asked": {config.Source{Alone: true, Partial: true}, 8078, 9078, "5s", 0},
	} {
		c, warnings, err := config.Load(test.source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s := c.Server; s.Port != test.port || s.AdminPort != test.admin || s.DrainDelay.String() != test.drain || len(warnings) != test.warnings {
			t.Errorf("%s: ports %d and %d, delay %s, %v", name, s.Port, s.AdminPort, s.DrainDelay, warnings)
		}
	}
}

// TestPartialSourcesHaveTheirFaults: the settings that are given must be valid.
func TestPartialSourcesHaveTheirFaults(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"WSPROXY_PORT=x", "WSPROXY_KAFKA_BOOTSTRAP_HOSTS=x"} {
		_, _, err := config.Load(config.Source{Alone: true, Partial: true, Over: []string{entry}})
		if faults, ok := errors.AsType[config.Faults](err); !ok || len(faults) != 1 {
			t.Errorf("%s: got %v", entry, err)
		}
	}
}
