package config

import (
	"slices"
	"strings"
)

// pair is two names of settings, without the prefix.
type pair struct{ name, other string }

// needs lists the settings that have no effect without another one.
func needs() []pair {
	return []pair{
		{"SSL_ONLY", "SSL_ENABLED"},
		{"SSL_CERT_FILE", "SSL_ENABLED"},
		{"SSL_KEY_FILE", "SSL_ENABLED"},
		{"SSL_CLIENT_CA_FILE", "SSL_ENABLED"},
		{"ADMIN_SSL_ENABLED", "SSL_ENABLED"},
		{"SSL_ENABLED", "SSL_CERT_FILE"},
		{"SSL_ENABLED", "SSL_KEY_FILE"},
		{"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"},
		{"KAFKA_SASL_PASSWORD", "KAFKA_SASL_USERNAME"},
		{"KAFKA_SASL_USERNAME", "KAFKA_SASL_MECHANISM"},
		{"KAFKA_SASL_OAUTH_TOKEN_URL", "KAFKA_SASL_MECHANISM"},
		{"KAFKA_SASL_OAUTH_TOKEN_FILE", "KAFKA_SASL_MECHANISM"},
		{"KAFKA_SASL_OAUTH_CLIENT_ID", "KAFKA_SASL_OAUTH_CLIENT_SECRET"},
		{"KAFKA_SASL_OAUTH_CLIENT_SECRET", "KAFKA_SASL_OAUTH_CLIENT_ID"},
		{"KAFKA_SASL_OAUTH_TOKEN_URL", "KAFKA_SASL_OAUTH_CLIENT_ID"},
		{"KAFKA_SASL_OAUTH_CLIENT_ID", "KAFKA_SASL_OAUTH_TOKEN_URL"},
		{"KAFKA_SASL_OAUTH_SCOPE", "KAFKA_SASL_OAUTH_TOKEN_URL"},
		{"KAFKA_SSL_CERT_FILE", "KAFKA_SSL_KEY_FILE"},
		{"KAFKA_SSL_KEY_FILE", "KAFKA_SSL_CERT_FILE"},
		{"BASIC_AUTH_USERNAME", "BASIC_AUTH_PASSWORD"},
		{"BASIC_AUTH_PASSWORD", "BASIC_AUTH_USERNAME"},
		{"BASIC_AUTH_USERNAME", "BASIC_AUTH_ENABLED"},
		{"BASIC_AUTH_HTPASSWD_FILE", "BASIC_AUTH_ENABLED"},
		{"OPENID_ENABLED", "OPENID_WELLKNOWN"},
		{"OPENID_WELLKNOWN", "OPENID_ENABLED"},
		{"JWT_KAFKA_USERNAME_KEY", "JWT_KAFKA_PASSWORD_KEY"},
		{"JWT_KAFKA_PASSWORD_KEY", "JWT_KAFKA_USERNAME_KEY"},
		{"KAFKA_OAUTH_PASSTHROUGH", "OPENID_ENABLED"},
		{"ADMIN_BASIC_AUTH_USERNAME", "ADMIN_BASIC_AUTH_PASSWORD"},
		{"ADMIN_BASIC_AUTH_PASSWORD", "ADMIN_BASIC_AUTH_USERNAME"},
		{"CONSOLE_ENABLED", "ADMIN_ENDPOINT_ENABLED"},
	}
}

// idle lists the settings that may stay in place while the other one is off.
func idle() []pair {
	return []pair{
		{"JWT_KAFKA_USERNAME_KEY", "OPENID_ENABLED"},
		{"JWT_KAFKA_TOKEN_AUTH_ONLY", "OPENID_ENABLED"},
	}
}

// checkRules checks the settings against each other.
func (l *loader) checkRules() {
	for _, p := range needs() {
		if l.isSet(p.name) && l.isUnset(p.other) {
			l.fault(Prefix+p.name, "is set without %s", Prefix+p.other)
		}
	}
	for _, p := range idle() {
		if l.isSet(p.name) && l.isUnset(p.other) {
			l.warn(Prefix+p.name, "has no effect while %s is false", Prefix+p.other)
		}
	}
	l.checkPorts()
	l.checkSecurityProtocol()
	l.checkMechanism()
	l.checkCredentials()
	l.checkState()
	l.checkDoors()
	l.checkPrincipals()
}

// checkPorts refuses two listeners on one port, whatever their addresses: one of them is often 0.0.0.0.
func (l *loader) checkPorts() {
	server := &l.config.Server
	listens := []struct {
		name string
		port int
		open bool
	}{
		{"PORT", server.Port, !server.SSLOnly},
		{"SSL_PORT", server.SSLPort, server.SSLEnabled},
		{"ADMIN_PORT", server.AdminPort, true},
	}
	taken := map[int]string{}
	for _, listener := range listens {
		if !listener.open || listener.port == 0 || l.malformed[listener.name] {
			continue
		}
		if other, ok := taken[listener.port]; ok {
			l.fault(Prefix+listener.name, "is the port of %s too: %d", other, listener.port)
			continue
		}
		taken[listener.port] = Prefix + listener.name
	}
}

// checkSecurityProtocol checks the settings of what KAFKA_SECURITY_PROTOCOL turns on or off.
func (l *loader) checkSecurityProtocol() {
	if l.malformed["KAFKA_SECURITY_PROTOCOL"] {
		return
	}
	const variable = Prefix + "KAFKA_SECURITY_PROTOCOL"
	protocol := l.config.Kafka.SecurityProtocol
	sasl := strings.HasPrefix(protocol, "SASL_")
	if sasl && l.isUnset("KAFKA_SASL_MECHANISM") {
		l.fault(variable, "%s is set without %sKAFKA_SASL_MECHANISM", protocol, Prefix)
	}
	for _, name := range []string{"KAFKA_SASL_MECHANISM", "KAFKA_OAUTH_PASSTHROUGH", "KAFKA_CLIENT_AUTH_REQUIRED", "JWT_KAFKA_USERNAME_KEY"} {
		if !sasl && l.isSet(name) {
			l.fault(Prefix+name, "is set without a SASL protocol: %s is %s", variable, protocol)
		}
	}
	for _, name := range []string{"KAFKA_SSL_CA_FILE", "KAFKA_SSL_CERT_FILE", "KAFKA_SSL_SERVER_NAME"} {
		if !strings.HasSuffix(protocol, "SSL") && l.isSet(name) {
			l.warn(Prefix+name, "has no effect while %s is %s", variable, protocol)
		}
	}
}

// checkMechanism reports credentials that the SASL mechanism lacks, and those that it does not use.
// Without credentials of its own the proxy could not even store its sessions.
func (l *loader) checkMechanism() {
	if !l.isSet("KAFKA_SASL_MECHANISM") || !strings.HasPrefix(l.config.Kafka.SecurityProtocol, "SASL_") {
		return
	}
	const variable = Prefix + "KAFKA_SASL_MECHANISM"
	mechanism := l.config.Kafka.SASLMechanism
	lacking, useless := []string{"KAFKA_SASL_USERNAME"}, []string{"KAFKA_SASL_OAUTH_TOKEN_URL", "KAFKA_SASL_OAUTH_TOKEN_FILE"}
	if mechanism == "OAUTHBEARER" {
		lacking, useless = useless, []string{"KAFKA_SASL_USERNAME", "JWT_KAFKA_USERNAME_KEY"}
	}
	if !slices.ContainsFunc(lacking, func(name string) bool { return !l.isUnset(name) }) {
		l.fault(variable, "%s is set without %s", mechanism, Prefix+strings.Join(lacking, " or "+Prefix))
	}
	for _, name := range useless {
		if l.isSet(name) {
			l.fault(Prefix+name, "has no use with %s: %s", variable, mechanism)
		}
	}
}

// checkCredentials reports authentication methods that no client could use.
func (l *loader) checkCredentials() {
	if l.isSet("BASIC_AUTH_ENABLED") && l.isUnset("BASIC_AUTH_USERNAME") && l.isUnset("BASIC_AUTH_HTPASSWD_FILE") {
		l.fault(Prefix+"BASIC_AUTH_ENABLED", "is set without %[1]sBASIC_AUTH_USERNAME or %[1]sBASIC_AUTH_HTPASSWD_FILE", Prefix)
	}
	if l.isSet("KAFKA_SASL_OAUTH_TOKEN_URL") && l.isSet("KAFKA_SASL_OAUTH_TOKEN_FILE") {
		l.fault(Prefix+"KAFKA_SASL_OAUTH_TOKEN_URL", "excludes %sKAFKA_SASL_OAUTH_TOKEN_FILE: set one of them", Prefix)
	}
}

// checkState checks the settings that bound each other.
func (l *loader) checkState() {
	sessions, kafka := &l.config.Sessions, &l.config.Kafka
	if sessions.StateTopic == sessions.DynamicConfigTopicName {
		l.fault(Prefix+"DYNAMIC_CONFIG_TOPIC_NAME", "is the topic of %sSESSION_STATE_TOPIC too", Prefix)
	}
	known := !l.malformed["KAFKA_PRODUCER_LINGER"] && !l.malformed["KAFKA_PRODUCER_DELIVERY_TIMEOUT"]
	if known && kafka.ProducerLinger >= kafka.ProducerDeliveryTimeout {
		l.fault(Prefix+"KAFKA_PRODUCER_LINGER", "is not shorter than %sKAFKA_PRODUCER_DELIVERY_TIMEOUT", Prefix)
	}
}

// isSet reports whether a setting is true, or not empty. For an invalid value both isSet and isUnset
// return false.
func (l *loader) isSet(name string) bool {
	return !l.malformed[name] && !l.byName[name].value.IsZero()
}

func (l *loader) isUnset(name string) bool {
	return !l.malformed[name] && l.byName[name].value.IsZero()
}
