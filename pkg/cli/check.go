package cli

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

const (
	// checkTimeout bounds the whole check.
	checkTimeout = 15 * time.Second
	// The variables with the credentials of the check, which no process list shows.
	checkUsername, checkPassword, checkToken = "CHECK_USERNAME", "CHECK_PASSWORD", "CHECK_TOKEN"
)

// check sends a record through a running proxy and waits until it comes back, as a client would. It reads live, and
// leaves no consumer group behind.
func check(p Process) *cobra.Command {
	target, topic, insecure := "", "", false
	c := &cobra.Command{
		Use: "check", Args: noArguments,
		Short: "Send a record to a topic through a running proxy, and wait until it comes back; exit code 0 if it does",
		Long: "check writes one record to the topic and reads it from there, through /socket/in and /socket/tail. Where clients have to\n" +
			"authenticate, " + checkUsername + " and " + checkPassword + ", or " + checkToken + ", are in the environment.",
		RunE: func(c *cobra.Command, _ []string) error {
			if topic == "" {
				return usageError{errNoTopic}
			}
			ctx, cancel := context.WithTimeout(c.Context(), checkTimeout)
			defer cancel()
			k, err := checking(target, insecure)
			if err != nil {
				return err
			}
			took, err := roundTrip(ctx, k, topic)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.Stdout, "a record has gone through topic %s and back in %s\n", topic, took.Round(time.Millisecond))
			return err
		},
	}
	c.Flags().StringVar(&target, "url", "ws://127.0.0.1:8078", "where clients reach the proxy: ws:// or wss://, a host and perhaps a path")
	c.Flags().StringVar(&topic, "topic", "", "the topic, which gets a record")
	c.Flags().BoolVar(&insecure, "insecure", false, "do not check the certificate of a wss URL")
	return c
}

// checking returns the client that checks. It goes on without a connection for no time: what is asked is whether there is one now.
func checking(target string, insecure bool) (*client.Client, error) {
	o := client.Options{URL: target, ClientID: "wsproxy-check", Patience: -1}
	if token := os.Getenv(checkToken); token != "" {
		o.Token = client.StaticToken(token)
	} else {
		o.User, o.Password = os.Getenv(checkUsername), os.Getenv(checkPassword)
	}
	if insecure {
		o.TLS = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // only on request
	}
	c, err := client.New(o)
	if err != nil {
		return nil, usageError{fmt.Errorf("--url: %w", err)}
	}
	return c, nil
}

// roundTrip writes a record when it reads already, and returns how long it took until the record came. Others may come before it.
func roundTrip(ctx context.Context, c *client.Client, topic string) (time.Duration, error) {
	began, id, doing := time.Now(), "wsproxy-check-"+rand.Text(), "reading the topic"
	for e, err := range c.Tail(ctx, client.TailOptions{Topics: []string{topic}}) {
		switch {
		case err != nil:
			return 0, fmt.Errorf("%s: %w", doing, err)
		case e.Started != nil: // from here on every record comes
			if err := sendOne(ctx, c, topic, id); err != nil {
				return 0, fmt.Errorf("writing a record: %w", err)
			}
			doing = "the record was acknowledged and does not come"
		case e.Record != nil && string(e.Record.Key) == id:
			return time.Since(began), nil
		}
	}
	return 0, context.Cause(ctx)
}

func sendOne(ctx context.Context, c *client.Client, topic, id string) error {
	p := c.Producer(client.ProducerOptions{Topic: topic})
	defer p.Close()
	_, err := p.Send(ctx, client.Message{Key: []byte(id), Value: []byte(id)})
	return err //nolint:wrapcheck // the caller says what it was
}
