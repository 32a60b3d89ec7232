package config

import (
	"net/netip"
	"slices"
	"strings"
)

// authenticates tells whether clients must authenticate.
func (c *Config) authenticates() bool {
	return c.Security.BasicAuthEnabled || c.Security.OpenIDEnabled || c.Server.SSLClientCAFile != "" || c.Server.ForwardedClientCert != "" ||
		c.Security.KafkaClientAuthRequired
}

// OpenDoors returns a warning for each protection that a configuration leaves off. Each may be intended,
// where a proxy before this one provides it. The warnings keep operators from learning of it in an
// incident.
func OpenDoors(c *Config) []Warning {
	var open []Warning
	note := func(is bool, name, message string) {
		if is {
			open = append(open, Warning{Prefix + name, message})
		}
	}
	server, security := &c.Server, &c.Security
	authenticated := c.authenticates()
	note(!authenticated, "BASIC_AUTH_ENABLED", "is off, and so are the other ways to authenticate: whoever reaches the main port may use every topic and group that is allowed")
	note(security.OpenIDEnabled && security.OpenIDAudience == "", "OPENID_AUDIENCE", "is not set: every token of the provider is taken, whatever it was issued for")
	note(server.PprofEnabled && !authenticated && security.AdminBasicAuthUsername == "", "PPROF_ENABLED", "is on: whoever reaches the management port may read profiles, without credentials")
	passwords := security.BasicAuthEnabled || security.KafkaClientAuthRequired
	note(passwords && !server.SSLOnly && !isLoopback(server.BindInterface), "BIND_INTERFACE", "is not a loopback address, and the listener there is without TLS: passwords can be read on the way, unless a proxy with TLS is before it")
	note(authenticated && security.AuthzPolicyFile == "", "AUTHZ_POLICY_FILE", "is not set: every client may use every topic that is allowed, and read in every group")
	return open
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// checkDoors reports settings that are meant to protect something, but have no effect without another
// setting.
func (l *loader) checkDoors() {
	authenticated := l.config.authenticates() || slices.ContainsFunc(methodSettings(), func(name string) bool { return l.malformed[name] })
	if l.isSet("AUTHZ_POLICY_FILE") && !authenticated {
		l.fault(Prefix+"AUTHZ_POLICY_FILE", "is set without a way to authenticate (%s): its rules would be for nobody", Prefix+strings.Join(methodSettings(), ", "+Prefix))
	}
}

// methodSettings are the settings by which clients have to authenticate.
func methodSettings() []string {
	return []string{"BASIC_AUTH_ENABLED", "OPENID_ENABLED", "SSL_CLIENT_CA_FILE", "FORWARDED_CLIENT_CERT", "KAFKA_CLIENT_AUTH_REQUIRED"}
}

// concernsSecurity tells whether a protection would stay off if a setting's name was misspelt.
func (f field) concernsSecurity() bool {
	if f.section == "Security" {
		return true
	}
	for _, prefix := range []string{
		"SSL_", "ADMIN_", "SECURE_", "PPROF_", "CONSOLE_", "TRUSTED_PROXIES", "ALLOWED_", "MAX_CONNECTIONS_PER_",
		"KAFKA_SECURITY_", "KAFKA_SASL_", "KAFKA_SSL_", "SESSION_STATE_TOPIC", "DYNAMIC_CONFIG_TOPIC",
	} {
		if strings.HasPrefix(f.name, prefix) {
			return true
		}
	}
	return false
}
