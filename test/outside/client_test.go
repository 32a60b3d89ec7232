package outside

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"

	"github.com/coder/websocket"
)

// record is what /socket/out sends: a record or an error.
type record struct {
	ID        string `json:"wsProxyMessageId"`
	Topic     string
	Partition int32
	Offset    int64
	Key       *field
	Value     *field
	Headers   []header
	Error     *fault
}

// answer is what /socket/in sends: a result or an error.
type answer struct {
	Topic     string
	Partition int32
	Offset    int64
	MessageID string
	Error     *fault
}

type field struct {
	Value  any
	Format string
	Error  *fault
}

type fault struct {
	Code      string
	Message   string
	Retriable bool
}

type header struct{ Key, Value string }

// dial connects, and fails the test if that is refused. While Kafka does not answer in time, as happens on a machine
// with much else to do, it tries again, as clients do after 503.
func dial(t testing.TB, url string) *websocket.Conn {
	t.Helper()
	var conn *websocket.Conn
	await(t, "a connection to "+url, func() bool {
		var status int
		var err error
		conn, status, err = tryHandshake(within(t, patience), url)
		must(t, err)
		if conn == nil && status != http.StatusServiceUnavailable {
			t.Fatalf("%s is refused with status %d", url, status)
		}
		return conn != nil
	})
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func tryDialAs(ctx context.Context, url string, header http.Header) (*websocket.Conn, error) {
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: header}) //nolint:bodyclose // its documentation: never needed
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return conn, nil
}

// dialTCP connects, and returns the TCP connection below too.
func dialTCP(t testing.TB, url string) (*websocket.Conn, *net.TCPConn) {
	t.Helper()
	conn, tcp, status, err := tryHandshakeTCP(within(t, patience), url)
	must(t, err)
	if conn == nil {
		t.Fatalf("refused with %d", status)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn, tcp
}

// tryHandshakeTCP tries a handshake, and returns the connection and the one below it, or the status of
// the refusal.
func tryHandshakeTCP(ctx context.Context, url string) (*websocket.Conn, *net.TCPConn, int, error) {
	var tcp *net.TCPConn
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
			tcp, _ = raw.(*net.TCPConn)
			return raw, err
		},
	}}
	options := &websocket.DialOptions{HTTPClient: client}
	conn, answer, err := websocket.Dial(ctx, url, options) //nolint:bodyclose // its documentation: never needed
	switch {
	case err == nil:
		conn.SetReadLimit(-1)
		return conn, tcp, http.StatusSwitchingProtocols, nil
	case answer != nil:
		return nil, nil, answer.StatusCode, nil
	default:
		return nil, nil, 0, err
	}
}

func send(t testing.TB, conn *websocket.Conn, message string) {
	t.Helper()
	must(t, conn.Write(within(t, patience), websocket.MessageText, []byte(message)))
}

// receive reads one message.
func receive[T any](ctx context.Context, conn *websocket.Conn) (T, error) {
	var message T
	_, data, err := conn.Read(ctx)
	if err == nil {
		err = json.Unmarshal(data, &message)
	}
	return message, err
}

// next reads one message, which must come.
func next[T any](t testing.TB, conn *websocket.Conn) T {
	t.Helper()
	message, err := receive[T](within(t, patience), conn)
	must(t, err)
	return message
}

// readOn reads a connection, so that it answers pings, and discards the messages. There may be some:
// uncommitted records are delivered again.
func readOn(t testing.TB, conn *websocket.Conn) {
	t.Helper()
	ctx := t.Context()
	go func() {
		for {
			if _, _, err := conn.Read(ctx); err != nil {
				return
			}
		}
	}()
}
