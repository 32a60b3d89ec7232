package config_test

import "testing"

// prefixed puts WSPROXY_ before each entry.
func prefixed(entries []string) []string {
	environ := make([]string, len(entries))
	for i, entry := range entries {
		environ[i] = "WSPROXY_" + entry
	}
	return environ
}

func TestExclusions(t *testing.T) {
	const (
		cert = "SSL_CERT_FILE=/tls.crt"
		key  = "SSL_KEY_FILE=/tls.key"
		tls  = "SSL_ENABLED=true"
	)
	tests := []struct {
		name    string
		environ []string
		want    []string // none: the settings go together
	}{
		{"TLS", []string{tls, cert, key, "SSL_ONLY=true", "SSL_CLIENT_CA_FILE=/ca", "ADMIN_SSL_ENABLED=true"}, nil},
		{"TLS without certificate and key", []string{tls}, []string{
			"WSPROXY_SSL_ENABLED: is set without WSPROXY_SSL_CERT_FILE",
			"WSPROXY_SSL_ENABLED: is set without WSPROXY_SSL_KEY_FILE",
		}},
		{"TLS alone but off", []string{"SSL_ONLY=true"}, []string{"WSPROXY_SSL_ONLY: is set without WSPROXY_SSL_ENABLED"}},
		{"certificate, TLS off", []string{cert, key, "SSL_CLIENT_CA_FILE=/ca"}, []string{
			"WSPROXY_SSL_CERT_FILE: is set without WSPROXY_SSL_ENABLED",
			"WSPROXY_SSL_KEY_FILE: is set without WSPROXY_SSL_ENABLED",
			"WSPROXY_SSL_CLIENT_CA_FILE: is set without WSPROXY_SSL_ENABLED",
		}},
		{"TLS for the management listener alone", []string{"ADMIN_SSL_ENABLED=true"}, []string{
			"WSPROXY_ADMIN_SSL_ENABLED: is set without WSPROXY_SSL_ENABLED",
		}},
		{"TLS neither true nor false", []string{"SSL_ENABLED=maybe", "SSL_ONLY=true"}, []string{
			`WSPROXY_SSL_ENABLED: "maybe" is neither true nor false`,
		}},

		{"plain and management port", []string{"PORT=9078"}, []string{"WSPROXY_ADMIN_PORT: is the port of WSPROXY_PORT too: 9078"}},
		{"plain and TLS port", []string{tls, cert, key, "SSL_PORT=8078"}, []string{"WSPROXY_SSL_PORT: is the port of WSPROXY_PORT too: 8078"}},
		{"TLS and management port", []string{tls, cert, key, "SSL_PORT=9078"}, []string{"WSPROXY_ADMIN_PORT: is the port of WSPROXY_SSL_PORT too: 9078"}},
		{"port of a TLS listener that is off", []string{"PORT=8443"}, nil},
		{"port of a plain listener that is off", []string{tls, cert, key, "SSL_ONLY=true", "PORT=8443"}, nil},
		{"any free port twice", []string{"PORT=0", "ADMIN_PORT=0"}, nil},

		{"SASL", []string{"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=PLAIN", "KAFKA_SASL_USERNAME=u", "KAFKA_SASL_PASSWORD=p"}, nil},
		{"SASL protocol without a mechanism", []string{"KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT"}, []string{
			"WSPROXY_KAFKA_SECURITY_PROTOCOL: SASL_PLAINTEXT is set without WSPROXY_KAFKA_SASL_MECHANISM",
		}},
		{"SASL mechanism without a protocol", []string{"KAFKA_SASL_MECHANISM=PLAIN"}, []string{
			"WSPROXY_KAFKA_SASL_MECHANISM: is set without a SASL protocol: WSPROXY_KAFKA_SECURITY_PROTOCOL is PLAINTEXT",
		}},
		{"SASL mechanism with TLS alone", []string{"KAFKA_SASL_MECHANISM=PLAIN", "KAFKA_SECURITY_PROTOCOL=SSL"}, []string{
			"WSPROXY_KAFKA_SASL_MECHANISM: is set without a SASL protocol: WSPROXY_KAFKA_SECURITY_PROTOCOL is SSL",
		}},
		{"Kafka user without a password or a mechanism", []string{"KAFKA_SASL_USERNAME=u"}, []string{
			"WSPROXY_KAFKA_SASL_USERNAME: is set without WSPROXY_KAFKA_SASL_PASSWORD",
			"WSPROXY_KAFKA_SASL_USERNAME: is set without WSPROXY_KAFKA_SASL_MECHANISM",
		}},
		{"SASL without credentials", []string{"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=SCRAM-SHA-256"}, []string{
			"WSPROXY_KAFKA_SASL_MECHANISM: SCRAM-SHA-256 is set without WSPROXY_KAFKA_SASL_USERNAME",
		}},
		{"SASL with tokens for passwords", []string{
			"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=PLAIN", "KAFKA_SASL_OAUTH_TOKEN_FILE=/t",
		}, []string{
			"WSPROXY_KAFKA_SASL_MECHANISM: PLAIN is set without WSPROXY_KAFKA_SASL_USERNAME",
			"WSPROXY_KAFKA_SASL_OAUTH_TOKEN_FILE: has no use with WSPROXY_KAFKA_SASL_MECHANISM: PLAIN",
		}},
		{"Kafka password without a user", []string{"KAFKA_SASL_PASSWORD=p"}, []string{
			"WSPROXY_KAFKA_SASL_PASSWORD: is set without WSPROXY_KAFKA_SASL_USERNAME",
		}},
		{"OAuth", []string{
			"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=OAUTHBEARER",
			"KAFKA_SASL_OAUTH_TOKEN_URL=https://idp/token", "KAFKA_SASL_OAUTH_CLIENT_ID=c", "KAFKA_SASL_OAUTH_CLIENT_SECRET=s",
		}, nil},
		{"OAuth with a token file", []string{
			"KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM=OAUTHBEARER", "KAFKA_SASL_OAUTH_TOKEN_FILE=/t",
		}, nil},
		{"OAuth without tokens", []string{"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=OAUTHBEARER"}, []string{
			"WSPROXY_KAFKA_SASL_MECHANISM: OAUTHBEARER is set without WSPROXY_KAFKA_SASL_OAUTH_TOKEN_URL or WSPROXY_KAFKA_SASL_OAUTH_TOKEN_FILE",
		}},
		{"OAuth with passwords", []string{
			"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=OAUTHBEARER", "KAFKA_SASL_OAUTH_TOKEN_FILE=/t",
			"KAFKA_SASL_USERNAME=u", "KAFKA_SASL_PASSWORD=p", "JWT_KAFKA_USERNAME_KEY=u", "JWT_KAFKA_PASSWORD_KEY=p",
		}, []string{
			"WSPROXY_KAFKA_SASL_USERNAME: has no use with WSPROXY_KAFKA_SASL_MECHANISM: OAUTHBEARER",
			"WSPROXY_JWT_KAFKA_USERNAME_KEY: has no use with WSPROXY_KAFKA_SASL_MECHANISM: OAUTHBEARER",
		}},
		{"a scope without a token endpoint", []string{
			"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=OAUTHBEARER", "KAFKA_SASL_OAUTH_TOKEN_FILE=/t", "KAFKA_SASL_OAUTH_SCOPE=s",
		}, []string{
			"WSPROXY_KAFKA_SASL_OAUTH_SCOPE: is set without WSPROXY_KAFKA_SASL_OAUTH_TOKEN_URL",
		}},
		{"OAuth client without a secret or an endpoint", []string{"KAFKA_SASL_OAUTH_CLIENT_ID=c"}, []string{
			"WSPROXY_KAFKA_SASL_OAUTH_CLIENT_ID: is set without WSPROXY_KAFKA_SASL_OAUTH_CLIENT_SECRET",
			"WSPROXY_KAFKA_SASL_OAUTH_CLIENT_ID: is set without WSPROXY_KAFKA_SASL_OAUTH_TOKEN_URL",
		}},
		{"OAuth secret without a client", []string{"KAFKA_SASL_OAUTH_CLIENT_SECRET=c"}, []string{
			"WSPROXY_KAFKA_SASL_OAUTH_CLIENT_SECRET: is set without WSPROXY_KAFKA_SASL_OAUTH_CLIENT_ID",
		}},
		{"two sources of the OAuth token", []string{"KAFKA_SASL_OAUTH_TOKEN_URL=https://idp/token", "KAFKA_SASL_OAUTH_TOKEN_FILE=/t"}, []string{
			"WSPROXY_KAFKA_SASL_OAUTH_TOKEN_URL: is set without WSPROXY_KAFKA_SASL_MECHANISM",
			"WSPROXY_KAFKA_SASL_OAUTH_TOKEN_FILE: is set without WSPROXY_KAFKA_SASL_MECHANISM",
			"WSPROXY_KAFKA_SASL_OAUTH_TOKEN_URL: is set without WSPROXY_KAFKA_SASL_OAUTH_CLIENT_ID",
			"WSPROXY_KAFKA_SASL_OAUTH_TOKEN_URL: excludes WSPROXY_KAFKA_SASL_OAUTH_TOKEN_FILE: set one of them",
		}},
		{"Kafka certificate without a key", []string{"KAFKA_SSL_CERT_FILE=/c"}, []string{
			"WSPROXY_KAFKA_SSL_CERT_FILE: is set without WSPROXY_KAFKA_SSL_KEY_FILE",
		}},
		{"Kafka key without a certificate", []string{"KAFKA_SSL_KEY_FILE=/c"}, []string{
			"WSPROXY_KAFKA_SSL_KEY_FILE: is set without WSPROXY_KAFKA_SSL_CERT_FILE",
		}},

		{"basic user without a password", []string{"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=u"}, []string{
			"WSPROXY_BASIC_AUTH_USERNAME: is set without WSPROXY_BASIC_AUTH_PASSWORD",
		}},
		{"basic password without a user", []string{"BASIC_AUTH_PASSWORD=p"}, []string{
			"WSPROXY_BASIC_AUTH_PASSWORD: is set without WSPROXY_BASIC_AUTH_USERNAME",
		}},
		{"basic user whose password is in an unreadable file", []string{"BASIC_AUTH_USERNAME=u", "BASIC_AUTH_PASSWORD_FILE=/dev/null"}, []string{
			"WSPROXY_BASIC_AUTH_PASSWORD_FILE: names an empty file",
			"WSPROXY_BASIC_AUTH_USERNAME: is set without WSPROXY_BASIC_AUTH_ENABLED",
		}},
		{"basic without users", []string{"BASIC_AUTH_ENABLED=true"}, []string{
			"WSPROXY_BASIC_AUTH_ENABLED: is set without WSPROXY_BASIC_AUTH_USERNAME or WSPROXY_BASIC_AUTH_HTPASSWD_FILE",
		}},
		{"basic with htpasswd", []string{"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_HTPASSWD_FILE=/h"}, nil},
		{"management user without a password", []string{"ADMIN_BASIC_AUTH_USERNAME=u"}, []string{
			"WSPROXY_ADMIN_BASIC_AUTH_USERNAME: is set without WSPROXY_ADMIN_BASIC_AUTH_PASSWORD",
		}},
		{"management password without a user", []string{"ADMIN_BASIC_AUTH_PASSWORD=u"}, []string{
			"WSPROXY_ADMIN_BASIC_AUTH_PASSWORD: is set without WSPROXY_ADMIN_BASIC_AUTH_USERNAME",
		}},

		{"OpenID without a provider", []string{"OPENID_ENABLED=true"}, []string{
			"WSPROXY_OPENID_ENABLED: is set without WSPROXY_OPENID_WELLKNOWN",
		}},
		{"user claim without a password claim", []string{"JWT_KAFKA_USERNAME_KEY=u"}, []string{
			"WSPROXY_JWT_KAFKA_USERNAME_KEY: is set without WSPROXY_JWT_KAFKA_PASSWORD_KEY",
			"WSPROXY_JWT_KAFKA_USERNAME_KEY: is set without a SASL protocol: WSPROXY_KAFKA_SECURITY_PROTOCOL is PLAINTEXT",
		}},
		{"clients must bring credentials that Kafka does not ask for", []string{"KAFKA_CLIENT_AUTH_REQUIRED=true", "KAFKA_SECURITY_PROTOCOL=SSL"}, []string{
			"WSPROXY_KAFKA_CLIENT_AUTH_REQUIRED: is set without a SASL protocol: WSPROXY_KAFKA_SECURITY_PROTOCOL is SSL",
		}},
		{"password claim without a user claim", []string{"JWT_KAFKA_PASSWORD_KEY=u"}, []string{
			"WSPROXY_JWT_KAFKA_PASSWORD_KEY: is set without WSPROXY_JWT_KAFKA_USERNAME_KEY",
		}},
		{"passthrough without OpenID or SASL", []string{"KAFKA_OAUTH_PASSTHROUGH=true"}, []string{
			"WSPROXY_KAFKA_OAUTH_PASSTHROUGH: is set without WSPROXY_OPENID_ENABLED",
			"WSPROXY_KAFKA_OAUTH_PASSTHROUGH: is set without a SASL protocol: WSPROXY_KAFKA_SECURITY_PROTOCOL is PLAINTEXT",
		}},
		{"passthrough", []string{
			"KAFKA_OAUTH_PASSTHROUGH=true", "OPENID_ENABLED=true", "OPENID_WELLKNOWN=https://idp/x",
			"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=SCRAM-SHA-512", "KAFKA_SASL_USERNAME=u", "KAFKA_SASL_PASSWORD=p",
		}, nil},

		{"one topic for both states", []string{"SESSION_STATE_TOPIC=s", "DYNAMIC_CONFIG_TOPIC_NAME=s"}, []string{
			"WSPROXY_DYNAMIC_CONFIG_TOPIC_NAME: is the topic of WSPROXY_SESSION_STATE_TOPIC too",
		}},
		{"linger as long as delivery may take", []string{"KAFKA_PRODUCER_LINGER=2s", "KAFKA_PRODUCER_DELIVERY_TIMEOUT=2s"}, []string{
			"WSPROXY_KAFKA_PRODUCER_LINGER: is not shorter than WSPROXY_KAFKA_PRODUCER_DELIVERY_TIMEOUT",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantLines(t, faultsOf(t, prefixed(tt.environ)...), tt.want...)
		})
	}
}

func TestIdleSettingsWarn(t *testing.T) {
	tests := []struct {
		name    string
		environ []string
		want    string
	}{
		{"no other credentials", []string{"JWT_KAFKA_TOKEN_AUTH_ONLY=true"}, "WSPROXY_JWT_KAFKA_TOKEN_AUTH_ONLY: has no effect while WSPROXY_OPENID_ENABLED is false"},
		{"CA", []string{"KAFKA_SSL_CA_FILE=/ca"}, "WSPROXY_KAFKA_SSL_CA_FILE: has no effect while WSPROXY_KAFKA_SECURITY_PROTOCOL is PLAINTEXT"},
		{"empty value", []string{"ALLOWED_TOPICS="}, "WSPROXY_ALLOWED_TOPICS: is empty; its default (*) applies"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantLines(t, warningsOf(t, prefixed(tt.environ)...), tt.want)
		})
	}
}
