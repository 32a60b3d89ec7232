package kafka

import (
	"fmt"
	"strings"
)

const (
	securityPackage = "org.apache.kafka.common.security."
	plainModule     = securityPackage + "plain.PlainLoginModule required"
	scramModule     = securityPackage + "scram.ScramLoginModule required;"
	tokenModule     = securityPackage + "oauthbearer.OAuthBearerLoginModule required;"
	tokenValidator  = securityPackage + "oauthbearer.OAuthBearerValidatorCallbackHandler"
)

// properties are what a secure broker has instead of, and besides, what a plain one has.
func (s *security) properties(clientPort, controllerPort int) map[string]string {
	listeners, advertised := s.listeners(address(clientPort), address(controllerPort))
	properties := map[string]string{
		"listeners":                            listeners,
		"advertised.listeners":                 advertised,
		"listener.security.protocol.map":       "SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,INTERNAL:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
		"inter.broker.listener.name":           "INTERNAL",
		"sasl.mechanism.inter.broker.protocol": "PLAIN",
		"sasl.mechanism.controller.protocol":   "PLAIN",
		"sasl.enabled.mechanisms":              "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		"ssl.keystore.type":                    "PEM",
		"ssl.keystore.location":                s.path(serverFile),
		"ssl.truststore.type":                  "PEM",
		"ssl.truststore.location":              s.path(caFile),
		"listener.name.ssl.ssl.client.auth":    "required",
		"ssl.principal.mapping.rules":          "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
		"authorizer.class.name":                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                          "User:" + Admin,
		"allow.everyone.if.no.acl.found":       "false",
	}
	for _, listener := range []string{"internal", "controller"} {
		prefix := "listener.name." + listener + "."
		properties[prefix+"sasl.enabled.mechanisms"] = "PLAIN"
		properties[prefix+"plain.sasl.jaas.config"] = fmt.Sprintf("%s username=%q password=%q %s;",
			plainModule, Admin, Password(Admin), plainUsers(Admin))
	}
	for _, listener := range []string{"sasl_ssl", "sasl_plaintext"} {
		prefix := "listener.name." + listener + "."
		properties[prefix+"plain.sasl.jaas.config"] = plainModule + " " + plainUsers(users()...) + ";"
		properties[prefix+"scram-sha-256.sasl.jaas.config"] = scramModule
		properties[prefix+"scram-sha-512.sasl.jaas.config"] = scramModule
		properties[prefix+"oauthbearer.sasl.jaas.config"] = tokenModule
		properties[prefix+"oauthbearer.sasl.server.callback.handler.class"] = tokenValidator
		properties[prefix+"sasl.oauthbearer.jwks.endpoint.url"] = s.jwksURL()
		properties[prefix+"sasl.oauthbearer.expected.audience"] = TokenAudience
		properties[prefix+"sasl.oauthbearer.expected.issuer"] = TokenIssuer
	}
	return properties
}

// plainUsers are the users that PLAIN knows, as its login module has them.
func plainUsers(names ...string) string {
	entries := make([]string, len(names))
	for i, name := range names {
		entries[i] = fmt.Sprintf("user_%s=%q", name, Password(name))
	}
	return strings.Join(entries, " ")
}

func (s *security) jwksURL() string { return "file://" + s.path(jwksFile) }

// flags are what the JVM of a secure broker needs: Kafka reads keys from no URL but those
// named, and does not start otherwise.
func (s *security) flags() []string {
	if s == nil {
		return nil
	}
	return []string{"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + s.jwksURL()}
}

// scramArguments have the users' passwords for SCRAM written when a data folder is formatted.
func scramArguments() []string {
	var arguments []string
	for _, user := range users() {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			arguments = append(arguments, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, user, Password(user)))
		}
	}
	return arguments
}
