package cli

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// The variables of the environment that commands read which are clients. No setting of the server has one of these names.
const (
	urlVariable      = "WSPROXY_URL"
	adminVariable    = "WSPROXY_ADMIN_URL"
	userVariable     = "WSPROXY_USER"
	passwordVariable = "WSPROXY_PASSWORD"
	tokenVariable    = "WSPROXY_TOKEN" //nolint:gosec // a name
	profileVariable  = "WSPROXY_PROFILE"
	profilesVariable = "WSPROXY_PROFILES"
)

// connectFlags say how a command reaches a proxy.
type connectFlags struct {
	url, clientID                                      string
	user, passwordFile, passwordCommand                string
	token, tokenFile, tokenCommand                     string
	kafkaUser, kafkaPasswordFile, kafkaPasswordCommand string
	ca, cert, key                                      string
	insecure                                           bool
	payload                                            string
	patience                                           time.Duration
	profile                                            string
	flags                                              *pflag.FlagSet // those of the command
	named                                              bool           // whether a profile was named, so that variables say nothing
}

// add gives a command the flags.
func (f *connectFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.url, "url", "", "address of the proxy, such as ws://127.0.0.1:8078 (default: "+urlVariable+")")
	flags.StringVar(&f.clientID, "client-id", "", "name of this client (default: the host's name and a random number)")
	flags.StringVar(&f.kafkaUser, "kafka-user", "", "user at Kafka, or user:password, where the proxy asks for one")
	flags.StringVar(&f.kafkaPasswordFile, "kafka-password-file", "", "file with the password at Kafka")
	flags.StringVar(&f.kafkaPasswordCommand, "kafka-password-command", "", "command that prints the password at Kafka")
	flags.DurationVar(&f.patience, "patience", 10*time.Second, "how long to go on without a connection, 0 for ever")
	flags.StringVar(&f.payload, "payload", "json", "what messages and records are on the way: json or avro")
	_ = c.MarkFlagFilename("kafka-password-file")
	f.addCredentials(c)
}

// addCredentials gives a command the flags that say who the user is, and whom to trust.
func (f *connectFlags) addCredentials(c *cobra.Command) {
	f.flags = c.Flags()
	flags := f.flags
	flags.StringVar(&f.profile, "profile", "", "profile of the file of profiles to take all this from (default: "+profileVariable+")")
	flags.StringVar(&f.user, "user", "", "user, or user:password (default: "+userVariable+" and "+passwordVariable+", or the host's entry in ~/.netrc)")
	flags.StringVar(&f.passwordFile, "password-file", "", "file with the user's password")
	flags.StringVar(&f.passwordCommand, "password-command", "", "command that prints the user's password")
	flags.StringVar(&f.token, "token", "", "bearer token (default: "+tokenVariable+")")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the token, read again for each connection")
	flags.StringVar(&f.tokenCommand, "token-command", "", "command that prints the token, run for each connection")
	flags.StringVar(&f.ca, "tls-ca", "", "PEM file with the authorities to trust (default: those of the system)")
	flags.StringVar(&f.cert, "tls-cert", "", "PEM file with the client's certificate")
	flags.StringVar(&f.key, "tls-key", "", "PEM file with the key of the client's certificate")
	flags.BoolVar(&f.insecure, "insecure", false, "do not check the certificate of the proxy")
	for _, name := range []string{"password-file", "token-file", "tls-ca", "tls-cert", "tls-key"} {
		_ = c.MarkFlagFilename(name)
	}
	_ = c.RegisterFlagCompletionFunc("profile", completeProfiles)
}

// variable returns a variable of the environment. They say nothing where a profile was named: a token that is for one proxy is not sent
// to another.
func (f *connectFlags) variable(name string) string {
	if f.named {
		return ""
	}
	return os.Getenv(name)
}

// client returns the client that the flags describe.
func (f *connectFlags) client(p Process) (*client.Client, error) {
	o, err := f.options(p)
	if err != nil {
		return nil, usageError{err}
	}
	c, err := client.New(o)
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// clientWithProgress is client for commands that have a line of progress, above which all else is printed then.
func (f *connectFlags) clientWithProgress(p *Process) (*client.Client, *progress, error) {
	shown := newProgress(p.Stderr)
	p.Stderr = shown
	c, err := f.client(*p)
	return c, shown, err
}

func (f *connectFlags) options(p Process) (o client.Options, err error) {
	if err := f.takeProfile(); err != nil {
		return o, err
	}
	address := cmp.Or(f.url, f.variable(urlVariable))
	if address == "" {
		return o, errors.New("no proxy is named: give --url ws://HOST:8078 or --profile, or set " + urlVariable)
	}
	if o, err = f.credentials(hostOf(address)); err != nil {
		return o, err
	}
	if f.payload != "json" && f.payload != "avro" {
		return o, fmt.Errorf("--payload is %q: it must be json or avro", f.payload)
	}
	o.URL, o.ClientID, o.Patience, o.Avro = address, f.clientID, f.patience, f.payload == "avro"
	o.Notify = func(err error, pause time.Duration) {
		fmt.Fprintf(p.Stderr, "wsproxy: %v; trying again in %v\n", err, pause.Round(100*time.Millisecond))
	}
	return o, nil
}

// hostOf returns the host of an address, without its port. It is empty where the address is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// tls returns whom to trust, and the client's certificate.
func (f *connectFlags) tls() (*tls.Config, error) {
	c, err := client.TLSFiles(f.ca, f.cert, f.key)
	if err == nil && f.insecure {
		c.InsecureSkipVerify = true
	}
	return c, err //nolint:wrapcheck // it says which file
}
