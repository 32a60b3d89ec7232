package config

import "slices"

// principalNeeds lists the settings of principals that have no effect without another one.
func principalNeeds() []pair {
	return []pair{
		{"FORWARDED_CLIENT_CERT", "TRUSTED_PROXIES"},
		{"OPENID_CA_FILE", "OPENID_ENABLED"},
		{"OPENID_ISSUER", "OPENID_ENABLED"},
		{"OPENID_SUBJECT_CLAIM", "OPENID_ENABLED"},
		{"OPENID_AUDIENCE_CLAIM", "OPENID_AUDIENCE"},
		{"KAFKA_SASL_OAUTH_PARAMETERS", "KAFKA_SASL_OAUTH_TOKEN_URL"},
		{"KAFKA_SASL_OAUTH_CA_FILE", "KAFKA_SASL_OAUTH_TOKEN_URL"},
		{"KAFKA_SASL_OAUTH_EXTENSIONS", "KAFKA_SASL_MECHANISM"},
	}
}

// checkPrincipals checks the settings that determine principals, and those that need distinct principals.
func (l *loader) checkPrincipals() {
	for _, p := range principalNeeds() {
		if l.isSet(p.name) && l.isUnset(p.other) {
			l.fault(Prefix+p.name, "is set without %s", Prefix+p.other)
		}
	}
	if l.isSet("KAFKA_SASL_OAUTH_EXTENSIONS") && l.isSet("KAFKA_SASL_MECHANISM") && l.config.Kafka.SASLMechanism != "OAUTHBEARER" {
		l.fault(Prefix+"KAFKA_SASL_OAUTH_EXTENSIONS", "has no use with %sKAFKA_SASL_MECHANISM: %s", Prefix, l.config.Kafka.SASLMechanism)
	}
	// The transactional id is made of ids that any client can choose: the session is what keeps one
	// client from fencing the transactions of another.
	if l.isSet("PRODUCER_EXACTLY_ONCE_ENABLED") && l.isUnset("KAFKA_PRODUCER_SESSIONS_ENABLED") && l.clientsAuthenticate() {
		l.fault(Prefix+"PRODUCER_EXACTLY_ONCE_ENABLED",
			"is set without %sKAFKA_PRODUCER_SESSIONS_ENABLED where clients authenticate: any of them could fence the transactions of another", Prefix)
	}
}

// clientsAuthenticate tells whether clients must authenticate, here or at Kafka.
func (l *loader) clientsAuthenticate() bool {
	return slices.ContainsFunc(methodSettings(), l.isSet)
}
