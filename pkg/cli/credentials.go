package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// credentials returns options with what proves to a host who the user is, and whom to trust. takeProfile was called.
func (f *connectFlags) credentials(host string) (o client.Options, err error) {
	user := f.user
	if user == "" && cmp.Or(f.token, f.tokenFile, f.tokenCommand) == "" {
		user = f.variable(userVariable)
	}
	if o.User, o.Password, err = login(user, secret{"--password-file", f.passwordFile, "--password-command", f.passwordCommand}); err != nil {
		return o, fmt.Errorf("--user: %w", err)
	}
	if o.User != "" && o.Password == "" && f.passwordFile == "" && f.passwordCommand == "" {
		o.Password = f.variable(passwordVariable)
	}
	kafka := secret{"--kafka-password-file", f.kafkaPasswordFile, "--kafka-password-command", f.kafkaPasswordCommand}
	if o.KafkaUser, o.KafkaPassword, err = login(f.kafkaUser, kafka); err != nil {
		return o, fmt.Errorf("--kafka-user: %w", err)
	}
	if o.Token, err = f.tokens(o.User != ""); err != nil {
		return o, err
	}
	if o.Token == nil && o.Password == "" && f.cert == "" {
		if err := fromNetrc(&o, host); err != nil {
			return o, err
		}
	}
	o.TLS, err = f.tls()
	return o, err
}

// secret is where a password may be, with the flags that say so.
type secret struct{ fileFlag, file, commandFlag, command string }

// login splits user:password. The password may be elsewhere.
func login(text string, s secret) (user, password string, err error) {
	user, password, has := strings.Cut(text, ":")
	switch {
	case s.file == "" && s.command == "":
		return user, password, nil
	case user == "":
		return "", "", errors.New("a password is given without a name: give the name alone, such as alice")
	case has, s.file != "" && s.command != "":
		return "", "", fmt.Errorf("there are two passwords: give one of user:password, %s and %s", s.fileFlag, s.commandFlag)
	case s.file != "":
		password, err = readSecret(s.file)
	default:
		password, err = runForSecret(context.Background(), s.commandFlag, s.command)
	}
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
		return nil, errors.New("--token, --token-file and --token-command exclude each other: give one of them")
	case f.tokenFile != "":
		return func(context.Context) (string, error) { return readSecret(f.tokenFile) }, nil
	case f.tokenCommand != "":
		return func(ctx context.Context) (string, error) { return runForSecret(ctx, "--token-command", f.tokenCommand) }, nil
	case f.token != "":
		return client.StaticToken(f.token), nil
	case f.variable(tokenVariable) != "" && !hasUser:
		return client.StaticToken(os.Getenv(tokenVariable)), nil
	}
	return nil, nil //nolint:nilnil // there is none
}

// runForSecret returns what a command prints, without white space around it.
func runForSecret(ctx context.Context, flag, command string) (string, error) {
	var failed bytes.Buffer
	c := exec.CommandContext(ctx, "sh", "-c", command) //nolint:gosec // the user says what to run
	c.Stderr = &failed
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", flag, err, bytes.TrimSpace(failed.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
