package config_test

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

func TestDoorsThatSomebodyMeantToShut(t *testing.T) {
	const user, password = "BASIC_AUTH_USERNAME=u", "BASIC_AUTH_PASSWORD=p"
	for _, tt := range []struct {
		name    string
		environ []string
		want    []string
	}{
		{"a user, passwords off", []string{user, password}, []string{
			"WSPROXY_BASIC_AUTH_USERNAME: is set without WSPROXY_BASIC_AUTH_ENABLED",
		}},
		{"users, passwords off", []string{"BASIC_AUTH_HTPASSWD_FILE=/h", "BASIC_AUTH_ENABLED=false"}, []string{
			"WSPROXY_BASIC_AUTH_HTPASSWD_FILE: is set without WSPROXY_BASIC_AUTH_ENABLED",
		}},
		{"a provider, tokens off", []string{"OPENID_WELLKNOWN=https://idp/x"}, []string{
			"WSPROXY_OPENID_WELLKNOWN: is set without WSPROXY_OPENID_ENABLED",
		}},
		{"a client CA, TLS off", []string{"SSL_CLIENT_CA_FILE=/ca"}, []string{
			"WSPROXY_SSL_CLIENT_CA_FILE: is set without WSPROXY_SSL_ENABLED",
		}},
		{"a policy for nobody", []string{"AUTHZ_POLICY_FILE=/p"}, []string{
			"WSPROXY_AUTHZ_POLICY_FILE: is set without a way to authenticate (WSPROXY_BASIC_AUTH_ENABLED, WSPROXY_OPENID_ENABLED, " +
				"WSPROXY_SSL_CLIENT_CA_FILE, WSPROXY_FORWARDED_CLIENT_CERT, WSPROXY_KAFKA_CLIENT_AUTH_REQUIRED): its rules would be for nobody",
		}},
		{"a policy for users", []string{"AUTHZ_POLICY_FILE=/p", "BASIC_AUTH_ENABLED=true", user, password}, nil},
		{"a policy beside a switch that cannot be read", []string{"AUTHZ_POLICY_FILE=/p", "BASIC_AUTH_ENABLED=yes please", user, password}, []string{
			`WSPROXY_BASIC_AUTH_ENABLED: "yes please" is neither true nor false`,
		}},
		{"transactions of users who can fence each other", []string{"PRODUCER_EXACTLY_ONCE_ENABLED=true", "BASIC_AUTH_ENABLED=true", user, password}, []string{
			"WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED: is set without WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED where clients authenticate: " +
				"any of them could fence the transactions of another",
		}},
		{"transactions of users with sessions", []string{
			"PRODUCER_EXACTLY_ONCE_ENABLED=true", "KAFKA_PRODUCER_SESSIONS_ENABLED=true", "BASIC_AUTH_ENABLED=true", user, password,
		}, nil},
		{"transactions where nobody authenticates", []string{"PRODUCER_EXACTLY_ONCE_ENABLED=true"}, nil},
		{"a slip", []string{"BASIC_AUTH_ENABLE=true"}, []string{
			"WSPROXY_BASIC_AUTH_ENABLE: is unknown, and near WSPROXY_BASIC_AUTH_ENABLED, which concerns security",
		}},
		{"a slip of two letters", []string{"ALOWED_TOPIC=a"}, []string{
			"WSPROXY_ALOWED_TOPIC: is unknown, and near WSPROXY_ALLOWED_TOPICS, which concerns security",
		}},
		{"a slip in the name of a file", []string{"BASIC_AUTH_PASWORD_FILE=/p"}, []string{
			"WSPROXY_BASIC_AUTH_PASWORD_FILE: is unknown, and near WSPROXY_BASIC_AUTH_PASSWORD_FILE, which concerns security",
		}},
		{"a slip of three letters", []string{"ALOWD_TOPIC=a"}, nil},
		{"a slip elsewhere", []string{"LOG_LEVELS=debug"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantLines(t, faultsOf(t, prefixed(tt.environ)...), tt.want...)
		})
	}
}

func TestOpenDoors(t *testing.T) {
	users := []string{"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=u", "BASIC_AUTH_PASSWORD=p"}
	openID := []string{"OPENID_ENABLED=true", "OPENID_WELLKNOWN=https://idp/x"}
	policy, audience, loopback := "AUTHZ_POLICY_FILE=/p", "OPENID_AUDIENCE=a", "BIND_INTERFACE=127.0.0.1"
	for _, tt := range []struct {
		name    string
		environ []string
		want    string // the names, with commas between
	}{
		{"nobody authenticates", nil, "BASIC_AUTH_ENABLED"},
		{"tokens of any audience", append([]string{policy}, openID...), "OPENID_AUDIENCE"},
		{"tokens of one audience", append([]string{policy, audience}, openID...), ""},
		{"profiles", []string{"PPROF_ENABLED=true"}, "BASIC_AUTH_ENABLED,PPROF_ENABLED"},
		{"profiles for administrators", []string{"PPROF_ENABLED=true", "ADMIN_BASIC_AUTH_USERNAME=u", "ADMIN_BASIC_AUTH_PASSWORD=p"}, "BASIC_AUTH_ENABLED"},
		{"profiles for clients", append([]string{policy, audience, "PPROF_ENABLED=true"}, openID...), ""},
		{"passwords without TLS", append([]string{policy}, users...), "BIND_INTERFACE"},
		{"passwords on this machine", append([]string{policy, loopback}, users...), ""},
		{"passwords on this machine, by IPv6", append([]string{policy, "BIND_INTERFACE=::1"}, users...), ""},
		{"passwords with TLS alone", append([]string{policy, "SSL_ENABLED=true", "SSL_ONLY=true", "SSL_CERT_FILE=/c", "SSL_KEY_FILE=/k"}, users...), ""},
		{"passwords with TLS and without", append([]string{policy, "SSL_ENABLED=true", "SSL_CERT_FILE=/c", "SSL_KEY_FILE=/k"}, users...), "BIND_INTERFACE"},
		{"no policy", append([]string{loopback}, users...), "AUTHZ_POLICY_FILE"},
		{"certificates alone", []string{policy, "SSL_ENABLED=true", "SSL_CERT_FILE=/c", "SSL_KEY_FILE=/k", "SSL_CLIENT_CA_FILE=/ca"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, err := load(t, prefixed(append([]string{"KAFKA_BOOTSTRAP_HOSTS=kafka:9092"}, tt.environ...))...)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, door := range config.OpenDoors(c) {
				names = append(names, strings.TrimPrefix(door.Name, config.Prefix))
			}
			if got := strings.Join(names, ","); got != tt.want {
				t.Errorf("warned of %q, want %q", got, tt.want)
			}
		})
	}
}
