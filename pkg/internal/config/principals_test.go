package config_test

import "testing"

func TestWhatSaysWhoClientsAre(t *testing.T) {
	const (
		once   = "PRODUCER_EXACTLY_ONCE_ENABLED=true"
		fenced = "WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED: is set without WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED where clients authenticate: " +
			"any of them could fence the transactions of another"
	)
	basic := []string{"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=u", "BASIC_AUTH_PASSWORD=p"}
	tls := []string{"SSL_ENABLED=true", "SSL_CERT_FILE=/c", "SSL_KEY_FILE=/k"}
	oauth := []string{
		"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=OAUTHBEARER", "KAFKA_SASL_OAUTH_TOKEN_URL=https://idp/t",
		"KAFKA_SASL_OAUTH_CLIENT_ID=c", "KAFKA_SASL_OAUTH_CLIENT_SECRET=s",
	}
	plain := []string{"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SASL_MECHANISM=PLAIN", "KAFKA_SASL_USERNAME=u", "KAFKA_SASL_PASSWORD=p"}
	openID := []string{"OPENID_ENABLED=true", "OPENID_WELLKNOWN=https://idp/x"}
	with := func(base []string, more ...string) []string { return append(append([]string{}, base...), more...) }
	for name, test := range map[string]struct {
		environ []string
		want    []string
	}{
		"transactions of anybody":                    {[]string{once}, nil},
		"transactions of users":                      {with(basic, once), []string{fenced}},
		"transactions of users with sessions":        {with(basic, once, "KAFKA_PRODUCER_SESSIONS_ENABLED=true"), nil},
		"transactions of tokens":                     {with(openID, once), []string{fenced}},
		"transactions of certificates":               {with(tls, once, "SSL_CLIENT_CA_FILE=/ca"), []string{fenced}},
		"transactions of forwarded certificates":     {[]string{once, "FORWARDED_CLIENT_CERT=client-cert", "TRUSTED_PROXIES=10.0.0.0/8"}, []string{fenced}},
		"transactions of Kafka's users":              {with(plain, once, "KAFKA_CLIENT_AUTH_REQUIRED=true"), []string{fenced}},
		"forwarded certificates of nobody":           {[]string{"FORWARDED_CLIENT_CERT=X-Forwarded-Client-Cert"}, []string{"WSPROXY_FORWARDED_CLIENT_CERT: is set without WSPROXY_TRUSTED_PROXIES"}},
		"all of a provider":                          {with(openID, "OPENID_CA_FILE=/ca", "OPENID_ISSUER=https://out", "OPENID_SUBJECT_CLAIM=client_id", "OPENID_AUDIENCE=a", "OPENID_AUDIENCE_CLAIM=azp"), nil},
		"a provider that is off":                     {[]string{"OPENID_CA_FILE=/ca", "OPENID_SUBJECT_CLAIM=x"}, []string{"WSPROXY_OPENID_CA_FILE: is set without WSPROXY_OPENID_ENABLED", "WSPROXY_OPENID_SUBJECT_CLAIM: is set without WSPROXY_OPENID_ENABLED"}},
		"an audience claim alone":                    {with(openID, "OPENID_AUDIENCE_CLAIM=azp"), []string{"WSPROXY_OPENID_AUDIENCE_CLAIM: is set without WSPROXY_OPENID_AUDIENCE"}},
		"parameters and extensions":                  {with(oauth, "KAFKA_SASL_OAUTH_PARAMETERS=audience=kafka,resource=a=b", "KAFKA_SASL_OAUTH_EXTENSIONS=logicalCluster=lkc-1,identityPoolId=p", "KAFKA_SASL_OAUTH_CA_FILE=/ca"), nil},
		"parameters of another setting":              {with(oauth, "KAFKA_SASL_OAUTH_PARAMETERS=scope=x"), []string{`WSPROXY_KAFKA_SASL_OAUTH_PARAMETERS: "scope=x" is not name=value with a name other than scope, client_id and client_secret`}},
		"parameters without values":                  {with(oauth, "KAFKA_SASL_OAUTH_PARAMETERS=x="), []string{`WSPROXY_KAFKA_SASL_OAUTH_PARAMETERS: "x=" is not name=value with a name other than scope, client_id and client_secret`}},
		"the token as an extension":                  {with(oauth, "KAFKA_SASL_OAUTH_EXTENSIONS=auth=x"), []string{`WSPROXY_KAFKA_SASL_OAUTH_EXTENSIONS: "auth=x" is not name=value with a name of letters other than auth`}},
		"extensions with passwords":                  {with(plain, "KAFKA_SASL_OAUTH_EXTENSIONS=a=x"), []string{"WSPROXY_KAFKA_SASL_OAUTH_EXTENSIONS: has no use with WSPROXY_KAFKA_SASL_MECHANISM: PLAIN"}},
		"another name of certificates than there is": {with(tls, "SSL_CLIENT_CA_FILE=/ca", "SSL_CLIENT_NAME=san"), []string{`WSPROXY_SSL_CLIENT_NAME: "san" is not one of cn, uri, dns, email, subject`}},
	} {
		t.Run(name, func(t *testing.T) {
			wantLines(t, faultsOf(t, prefixed(test.environ)...), test.want...)
		})
	}
}
