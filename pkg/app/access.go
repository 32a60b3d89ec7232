package app

import (
	"context"
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/reread"
)

// access holds the authenticators and the authorization rules of clients.
type access struct {
	chain  *auth.Chain
	policy *policy.File // nil without a file of rules
	files  []*reread.Files
}

// readAccess reads the files of users and rules. The error is a *ConfigError.
func (a *App) readAccess(m *metrics.Metrics) (*access, error) {
	security := &a.config.Security
	x := &access{chain: &auth.Chain{
		Certificates: a.config.Server.SSLClientCAFile != "", CertificateName: a.config.Server.SSLClientName,
		Forwarded: a.config.Server.ForwardedClientCert,
		Realms:    auth.Realms{Basic: security.BasicAuthRealm, Bearer: security.OpenIDRealm},
		Kafka: auth.KafkaRules{
			UsernameClaim: security.JWTKafkaUsernameKey, PasswordClaim: security.JWTKafkaPasswordKey,
			TokenOnly: security.JWTKafkaTokenAuthOnly, Passthrough: security.KafkaOAuthPassthrough, Required: security.KafkaClientAuthRequired,
		},
		Count: m.Authenticated,
	}}
	if security.OpenIDEnabled {
		transport := auth.NewTransport()
		if err := a.readFile(x, m, "OPENID_CA_FILE", security.OpenIDCAFile, transport.Use); err != nil {
			return nil, err
		}
		x.chain.Bearer = &auth.Bearer{Provider: a.newProvider(transport)}
	}
	if security.BasicAuthEnabled {
		x.chain.Basic = auth.NewBasic(security.BasicAuthUsername, string(security.BasicAuthPassword))
		if err := a.readFile(x, m, "BASIC_AUTH_HTPASSWD_FILE", security.BasicAuthHtpasswdFile, x.chain.Basic.Use); err != nil {
			return nil, err
		}
	}
	if path := security.AuthzPolicyFile; path != "" {
		x.policy = policy.NewFile(path)
		if err := a.readFile(x, m, "AUTHZ_POLICY_FILE", path, x.policy.Use); err != nil {
			return nil, err
		}
	}
	return x, a.checkAdministrators(x)
}

// checkAdministrators refuses to enable the admin API where clients authenticate and none of them is an
// administrator: none could use it, and not all of them may. The error is a *ConfigError.
func (a *App) checkAdministrators(x *access) error {
	named := a.config.Security.AdminBasicAuthUsername != "" ||
		x.chain.Required() && x.policy != nil && x.policy.Rules().HasAdministrators()
	if !a.config.Server.AdminEndpointEnabled || named || !x.chain.KnowsClients() {
		return nil
	}
	return &ConfigError{fmt.Errorf("%[1]sADMIN_ENDPOINT_ENABLED: is set where clients authenticate, without "+
		"%[1]sADMIN_BASIC_AUTH_USERNAME or a rule with admin: true in %[1]sAUTHZ_POLICY_FILE", config.Prefix)}
}

// readFile reads the file that a setting names, if it names one, and registers it to be reread on changes.
func (a *App) readFile(x *access, m *metrics.Metrics, setting, path string, use func([][]byte) error) error {
	if path == "" {
		return nil
	}
	variable := config.Prefix + setting
	files, err := reread.Open(reread.Options{
		Paths: []string{path}, Use: use, Failed: m.ReloadErrors(variable).Inc, Log: a.log.With("setting", variable),
	})
	if err != nil {
		return &ConfigError{fmt.Errorf("%s: %w", variable, err)}
	}
	x.files = append(x.files, files)
	return nil
}

func (a *App) newProvider(transport *auth.Transport) *auth.Provider {
	security := &a.config.Security
	return auth.NewProvider(auth.ProviderOptions{
		WellKnown: security.OpenIDWellKnown, Audience: security.OpenIDAudience, Issuer: security.OpenIDIssuer,
		SubjectClaim: security.OpenIDSubjectClaim, AudienceClaim: security.OpenIDAudienceClaim, Transport: transport,
		Interval: security.OpenIDRevalidationInterval, ErrorsLimit: security.OpenIDRevalidationErrorsLimit, Log: a.log,
	})
}

// keep rereads files and keys when they change. recheck is called when open connections may be affected.
func (x *access) keep(a *App, recheck func()) {
	if x.policy != nil {
		x.policy.Changed = recheck
	}
	if x.chain.Basic != nil {
		x.chain.Basic.Changed = recheck
	}
	if a.certificates != nil {
		x.chain.ClientCAs = a.certificates.ClientCAs
		a.certificates.OnClientCAs(recheck)
	}
	for _, files := range x.files {
		a.background(files.Watch)
	}
	if bearer := x.chain.Bearer; bearer != nil {
		a.background(func(ctx context.Context) { bearer.Provider.Run(ctx, recheck) })
	}
}

// warnOfOpenDoors warns if any client that reaches the management listener can use the admin API.
func (a *App) warnOfOpenDoors(chain *auth.Chain) {
	server := &a.config.Server
	closed := a.config.Security.AdminBasicAuthUsername != "" || chain.KnowsClients()
	if server.AdminEndpointEnabled && !closed {
		a.log.Warn("the admin API asks for no credentials: set WSPROXY_ADMIN_BASIC_AUTH_USERNAME and WSPROXY_ADMIN_BASIC_AUTH_PASSWORD")
	}
}
