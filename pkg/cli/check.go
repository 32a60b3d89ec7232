package cli

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/spf13/cobra"
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
				return usageError{errors.New("--topic is required")}
			}
			ctx, cancel := context.WithTimeout(c.Context(), checkTimeout)
			defer cancel()
			return newRoundTrip(target, topic, insecure).run(ctx, p.Stdout)
		},
	}
	c.Flags().StringVar(&target, "url", "ws://127.0.0.1:8078", "where clients reach the proxy: ws:// or wss://, a host and perhaps a path")
	c.Flags().StringVar(&topic, "topic", "", "the topic, which gets a record")
	c.Flags().BoolVar(&insecure, "insecure", false, "do not check the certificate of a wss URL")
	return c
}

// roundTrip is a record's way through the proxy to Kafka and back.
type roundTrip struct {
	url, topic string
	options    *websocket.DialOptions
}

func newRoundTrip(target, topic string, insecure bool) *roundTrip {
	header := http.Header{}
	if token := os.Getenv(checkToken); token != "" {
		header.Set("Authorization", "Bearer "+token)
	} else if user := os.Getenv(checkUsername); user != "" {
		request := http.Request{Header: header}
		request.SetBasicAuth(user, os.Getenv(checkPassword))
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: insecure}, //nolint:gosec // only on request
	}
	return &roundTrip{
		url: strings.TrimSuffix(target, "/"), topic: topic,
		options: &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header},
	}
}

func (r *roundTrip) run(ctx context.Context, stdout io.Writer) error {
	began := time.Now()
	reader, err := r.dial(ctx, "/socket/tail", "from", "latest")
	if err != nil {
		return err
	}
	defer func() { _ = reader.CloseNow() }()
	if _, _, err := reader.Read(ctx); err != nil { // the first frame: from here on every record comes
		return fmt.Errorf("reading: %w", err)
	}
	id := "wsproxy-check-" + rand.Text()
	if err := r.send(ctx, id); err != nil {
		return err
	}
	if err := awaitRecord(ctx, reader, id); err != nil {
		return err
	}
	_ = reader.Close(websocket.StatusNormalClosure, "")
	_, err = fmt.Fprintf(stdout, "a record has gone through topic %s and back in %s\n", r.topic, time.Since(began).Round(time.Millisecond))
	return err
}

// dial opens a socket with a parameter beside the topic. The error tells what the proxy answers.
func (r *roundTrip) dial(ctx context.Context, path, name, value string) (*websocket.Conn, error) {
	query := url.Values{"topic": {r.topic}, "clientId": {"wsproxy-check"}, name: {value}}
	conn, answer, err := websocket.Dial(ctx, r.url+path+"?"+query.Encode(), r.options)
	if err == nil {
		return conn, nil
	}
	if answer != nil && answer.Body != nil {
		defer func() { _ = answer.Body.Close() }()
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
		return nil, fmt.Errorf("opening %s: %s: %s", path, answer.Status, strings.TrimSpace(string(body)))
	}
	return nil, fmt.Errorf("opening %s: %w", path, err)
}

// send writes a record and waits for its acknowledgement.
func (r *roundTrip) send(ctx context.Context, id string) error {
	conn, err := r.dial(ctx, "/socket/in", "valType", "string")
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	message := fmt.Sprintf(`{"key":{"value":%q},"value":{"value":%q}}`, id, id)
	if err := conn.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	_, frame, err := conn.Read(ctx)
	if err != nil {
		return fmt.Errorf("waiting for the acknowledgement: %w", err)
	}
	var answer struct{ Error json.RawMessage }
	if err := json.Unmarshal(frame, &answer); err != nil || answer.Error != nil {
		return fmt.Errorf("the record is not acknowledged: %s", frame)
	}
	_ = conn.Close(websocket.StatusNormalClosure, "")
	return nil
}

// awaitRecord reads until a record comes. Others may come before it.
func awaitRecord(ctx context.Context, conn *websocket.Conn, id string) error {
	conn.SetReadLimit(-1)
	for {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("the record was acknowledged and does not come: %w", err)
		}
		if strings.Contains(string(frame), id) {
			return nil
		}
	}
}
