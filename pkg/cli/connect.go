package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// The variables of the environment that commands read which are clients. No setting of the server has one of these names.
const (
	urlVariable      = "WSPROXY_URL"
	adminVariable    = "WSPROXY_ADMIN_URL"
	userVariable     = "WSPROXY_USER"
	passwordVariable = "WSPROXY_PASSWORD"
	tokenVariable    = "WSPROXY_TOKEN" //nolint:gosec // a name
)

// connectFlags say how a command reaches a proxy.
type connectFlags struct {
	url, clientID                  string
	user, passwordFile             string
	token, tokenFile, tokenCommand string
	kafkaUser, kafkaPasswordFile   string
	ca, cert, key                  string
	insecure                       bool
	patience                       time.Duration
}

// add gives a command the flags.
func (f *connectFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.url, "url", "", "address of the proxy, such as ws://127.0.0.1:8078 (default: "+urlVariable+")")
	flags.StringVar(&f.clientID, "client-id", "", "name of this client (default: the host's name and a random number)")
	flags.StringVar(&f.kafkaUser, "kafka-user", "", "user at Kafka, or user:password, where the proxy asks for one")
	flags.StringVar(&f.kafkaPasswordFile, "kafka-password-file", "", "file with the password at Kafka")
	flags.DurationVar(&f.patience, "patience", 10*time.Second, "how long to go on without a connection, 0 for ever")
	_ = c.MarkFlagFilename("kafka-password-file")
	f.addCredentials(c)
}

// addCredentials gives a command the flags that say who the user is, and whom to trust.
func (f *connectFlags) addCredentials(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.user, "user", "", "user, or user:password (default: "+userVariable+" and "+passwordVariable+")")
	flags.StringVar(&f.passwordFile, "password-file", "", "file with the user's password")
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
}

// client returns the client that the flags describe.
func (f *connectFlags) client(p Process) (*client.Client, error) {
	o, err := f.credentials()
	if err != nil {
		return nil, usageError{err}
	}
	o.URL, o.ClientID, o.Patience = cmp.Or(f.url, os.Getenv(urlVariable)), f.clientID, f.patience
	if o.URL == "" {
		return nil, usageError{errors.New("no proxy is named: give --url ws://HOST:8078, or set " + urlVariable)}
	}
	o.Notify = func(err error, pause time.Duration) {
		fmt.Fprintf(p.Stderr, "wsproxy: %v; trying again in %v\n", err, pause.Round(100*time.Millisecond))
	}
	c, err := client.New(o)
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// credentials returns options with what proves who the user is, and whom to trust.
func (f *connectFlags) credentials() (o client.Options, err error) {
	if o.User, o.Password, err = login(cmp.Or(f.user, os.Getenv(userVariable)), f.passwordFile); err != nil {
		return o, fmt.Errorf("--user: %w", err)
	}
	if o.User != "" && o.Password == "" && f.passwordFile == "" {
		o.Password = os.Getenv(passwordVariable)
	}
	if o.KafkaUser, o.KafkaPassword, err = login(f.kafkaUser, f.kafkaPasswordFile); err != nil {
		return o, fmt.Errorf("--kafka-user: %w", err)
	}
	if o.Token, err = f.tokens(o.User != ""); err != nil {
		return o, err
	}
	if o.TLS, err = client.TLSFiles(f.ca, f.cert, f.key); err != nil {
		return o, err
	}
	if f.insecure {
		o.TLS = insecure(o.TLS)
	}
	return o, nil
}

func insecure(c *tls.Config) *tls.Config {
	c.InsecureSkipVerify = true
	return c
}

// login splits user:password. The password may be in a file.
func login(text, file string) (user, password string, err error) {
	user, password, has := strings.Cut(text, ":")
	switch {
	case file == "":
		return user, password, nil
	case user == "":
		return "", "", errors.New("there is a password, but no user")
	case has:
		return "", "", errors.New("there is a password, and a file with one: give one of them")
	}
	password, err = readSecret(file)
	return user, password, err
}

// readSecret reads a file without its last line's end.
func readSecret(file string) (string, error) {
	text, err := os.ReadFile(file)
	return strings.TrimRight(string(text), "\r\n"), err //nolint:wrapcheck // it names the file
}

// tokens returns where tokens come from, or nil.
func (f *connectFlags) tokens(hasUser bool) (func(context.Context) (string, error), error) {
	given := 0
	for _, source := range []string{f.token, f.tokenFile, f.tokenCommand} {
		if source != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, errors.New("give one of --token, --token-file and --token-command")
	case f.tokenFile != "":
		return func(context.Context) (string, error) { return readSecret(f.tokenFile) }, nil
	case f.tokenCommand != "":
		return func(ctx context.Context) (string, error) { return runForToken(ctx, f.tokenCommand) }, nil
	case f.token != "":
		return client.StaticToken(f.token), nil
	case os.Getenv(tokenVariable) != "" && !hasUser:
		return client.StaticToken(os.Getenv(tokenVariable)), nil
	}
	return nil, nil //nolint:nilnil // there is none
}

func runForToken(ctx context.Context, command string) (string, error) {
	var failed bytes.Buffer
	c := exec.CommandContext(ctx, "sh", "-c", command) //nolint:gosec // the user says what to run
	c.Stderr = &failed
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("--token-command: %w: %s", err, bytes.TrimSpace(failed.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
