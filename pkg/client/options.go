package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Options say where the proxy is, and who asks.
type Options struct {
	// URL is the address of the proxy: ws://host:port or wss://host:port, with its path prefix if it has one. http and
	// https mean the same.
	URL string
	// ClientID names this application; it becomes Kafka's client.id. Two members of one group need two names. The default is
	// the name of the host and a random number.
	ClientID string

	// User and Password are for basic authentication.
	User, Password string
	// Token returns a bearer token. It is asked at each connection, and again well before a JWT expires: a connection goes on with
	// the new token. It excludes User.
	Token func(ctx context.Context) (string, error)
	// KafkaUser and KafkaPassword are credentials at Kafka, where the proxy asks clients for their own.
	KafkaUser, KafkaPassword string
	// Avro has messages, records and commits go as Avro (socketPayload=avro) in place of JSON: bytes as they are. It has no place for a message's
	// Partition and Time, nor for headers that are no text: such messages are refused. Null headers come as empty ones. Queue is JSON always.
	Avro bool
	// TLS is the configuration for wss; nil trusts the authorities of the system. TLSFiles makes one from files.
	TLS *tls.Config

	// Patience is how long to go on without a connection: 0 is for ever, and less not at all. A refusal that another try
	// cannot change ends a call at once.
	Patience time.Duration
	// Notify is told why there is no connection, and how long the pause before the next try is. It must not wait.
	Notify func(err error, pause time.Duration)
}

// StaticToken returns a token that does not change.
func StaticToken(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

// Client makes connections to a proxy. It holds none itself, and is safe for concurrent use.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
}

// New checks the options. It does not connect.
func New(o Options) (*Client, error) {
	base, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.User != "" && o.Token != nil {
		return nil, errors.New("the client has both a user and a token: give one of them")
	}
	if strings.Contains(o.User, ":") {
		return nil, errors.New("the user's name has a colon, which basic authentication does not allow (RFC 7617)")
	}
	if o.ClientID == "" {
		o.ClientID = defaultClientID()
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, DisableKeepAlives: true,
		TLSHandshakeTimeout: handshakeTimeout,
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{o, base, &http.Client{Transport: transport, CheckRedirect: refuse}}, nil
}

// ClientID returns the name of this application.
func (c *Client) ClientID() string { return c.options.ClientID }

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the URL of the proxy: %w", err)
	}
	switch u.Scheme {
	case "ws", "http":
		u.Scheme = "http"
	case "wss", "https":
		u.Scheme = "https"
	default:
		return nil, fmt.Errorf("the URL of the proxy is %q: it must be like ws://host:8078 or wss://host:8443", text)
	}
	switch {
	case u.Host == "":
		return nil, fmt.Errorf("the URL of the proxy is %q: it names no host", text)
	case u.User != nil:
		return nil, errors.New("the URL of the proxy has a user or a password: give them by themselves, so that no log has them")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the URL of the proxy is %q: give it without what is behind ? or #", text)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// defaultClientID has a random part, so that two processes of a host are two members of a group.
func defaultClientID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "client"
	}
	return host + "-" + strings.ToLower(rand.Text()[:8])
}
