package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coder/websocket"
)

// handshakeTimeout bounds a handshake. The proxy looks a topic up at Kafka for 5 s, and probes for 2 s whether the holder of a name
// is alive.
const handshakeTimeout = 30 * time.Second

// dial opens a connection to an endpoint, such as in.
func (c *Client) dial(ctx context.Context, endpoint string, query url.Values) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	header, token, err := c.header(ctx)
	if err != nil {
		return nil, err
	}
	u := *c.base
	u.Path += "/socket/" + endpoint
	u.RawQuery = query.Encode()
	made := newConn()
	ws, answer, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		HTTPClient: c.http, HTTPHeader: header, OnPingReceived: made.pinged, OnPongReceived: made.ponged,
	})
	if err != nil {
		return nil, refusal(c.base, answer, err)
	}
	made.opened(ws)
	if c.options.Token != nil {
		made.alive.Go(func() { made.renewTokens(c.options.Token, token) })
	}
	return made, nil
}

// header returns what proves who the client is. token is empty where it is no token.
func (c *Client) header(ctx context.Context) (header http.Header, token string, err error) {
	header = http.Header{}
	o := &c.options
	switch {
	case o.Token != nil:
		if token, err = o.Token(ctx); err != nil {
			return nil, "", fmt.Errorf("getting a token: %w", err)
		}
		header.Set("Authorization", "Bearer "+token)
	case o.User != "":
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(o.User+":"+o.Password)))
	}
	if o.KafkaUser != "" {
		header.Set("X-Kafka-Auth", base64.StdEncoding.EncodeToString([]byte(o.KafkaUser+":"+o.KafkaPassword)))
	}
	return header, token, nil
}

// refusal returns why there is no connection.
func refusal(base *url.URL, answer *http.Response, err error) error {
	if answer == nil || answer.StatusCode == http.StatusSwitchingProtocols {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		if broken, ok := errors.AsType[*url.Error](err); ok { // it repeats the whole address
			err = broken.Err
		}
		return fmt.Errorf("connecting to %s: %w", base.Host, err)
	}
	e := &Error{Status: answer.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<16)) // the library keeps the first 1,024 bytes
	var told struct{ Code, Message string }
	if json.Unmarshal(body, &told) == nil && told.Code != "" {
		e.Code, e.Message = told.Code, told.Message
	} else {
		e.Message = fmt.Sprintf("%s answers %q, not as a proxy of Kafka does: is the URL right?", base.Host, answer.Status)
	}
	switch answer.StatusCode {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusInternalServerError:
		e.Retriable = true
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
		e.after = time.Duration(min(max(seconds, 0), 60)) * time.Second
	}
	return e
}
