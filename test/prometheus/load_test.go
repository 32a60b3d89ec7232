package prometheus

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

// The topics of the load.
const (
	orders = "orders" // written and read all the time
	large  = "large"  // holds more than a socket takes whose client reads nothing
	state  = "_wsproxy.session.state"
)

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// load is a proxy that has something of everything that can happen to it, all the time.
type load struct {
	app   *app.App
	kafka *kgo.Client
	http  *http.Client    // of sockets
	ctx   context.Context // ends with the test

	consuming chan struct{} // closed once the consumer is connected that rivals compete with
}

func startLoad(t *testing.T) *load {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, orders, large))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	slowWrites(fake)
	client, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	l := &load{kafka: client, ctx: t.Context(), consuming: make(chan struct{})}
	key := l.start(t, fake.ListenAddrs()[0])
	var running sync.WaitGroup
	for _, work := range []func(){
		l.produce, l.consume, l.lag, l.work, l.refused, l.rivals, l.sleepers, l.fill,
	} {
		running.Go(work)
	}
	t.Cleanup(running.Wait)
	if err := os.Remove(key); err != nil { // so that the certificate cannot be read again
		t.Fatal(err)
	}
	return l
}

// slowWrites lets each write take longer than the rate leaves between two messages, as on a broker
// with replicas far away: so some message waits for its answer whenever Prometheus scrapes.
func slowWrites(fake *kfake.Cluster) {
	fake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		fake.SleepControl(func() { <-time.After(50 * time.Millisecond) })
		return nil, nil, false
	})
}

// start runs the proxy until the test's end, and returns the path of its certificate's key. A
// second broker is named that nobody reaches.
func (l *load) start(t *testing.T, broker string) (key string) {
	t.Helper()
	authority := certs.NewAuthority(t)
	certificate, key := authority.Server(t).Write(t, t.TempDir())
	l.http = &http.Client{Transport: &http.Transport{
		DialContext: dialSmall, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12},
	}}
	environ := []string{
		"KAFKA_BOOTSTRAP_HOSTS=" + broker + ",127.0.0.1:1", "BIND_INTERFACE=127.0.0.1", "PORT=0", "ADMIN_PORT=0",
		"DRAIN_DELAY=0s", "SHUTDOWN_GRACE=2s", "WRITE_TIMEOUT=1s", "CONSUMER_COMMIT_INTERVAL=100ms",
		"SSL_ENABLED=true", "SSL_BIND_INTERFACE=127.0.0.1", "SSL_PORT=0", "SSL_CERT_FILE=" + certificate, "SSL_KEY_FILE=" + key,
		"ADMIN_SSL_ENABLED=false", "DYNAMIC_CONFIG_HANDLER_ENABLED=true", "PRODUCER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC=50",
		"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=root", "BASIC_AUTH_PASSWORD=sesame",
	}
	for i := range environ {
		environ[i] = "WSPROXY_" + environ[i]
	}
	settings, err := app.NewConfig(environ...)
	if err != nil {
		t.Fatal(err)
	}
	if l.app, err = app.Start(app.Options{Config: settings, Version: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.app.Shutdown)
	until(t, "the proxy is ready", func() bool { return l.ready(t) })
	return key
}

func (l *load) ready(t *testing.T) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.app.AdminAddr()+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !met() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Errorf("not within %v: %s", patience, what)
			return
		}
	}
}

// dialSmall makes connections that take little which nobody reads.
func dialSmall(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("a %T", conn)
	}
	err = tcp.SetReadBuffer(4 << 10)
	return tcp, err
}

// dial opens a socket, nil where that fails.
func (l *load) dial(password, target string) *websocket.Conn {
	u := url.URL{Scheme: "wss", Host: l.app.TLSAddr(), User: url.UserPassword("root", password)}
	conn, res, err := websocket.Dial(l.ctx, u.String()+target, &websocket.DialOptions{HTTPClient: l.http})
	if err != nil {
		if res != nil && res.Body != nil {
			_ = res.Body.Close()
		}
		return nil
	}
	conn.SetReadLimit(-1)
	return conn
}

// pause waits a little, and tells whether to go on.
func (l *load) pause() bool {
	select {
	case <-time.After(20 * time.Millisecond):
		return true
	case <-l.ctx.Done():
		return false
	}
}

// drain reads until the socket is closed.
func (l *load) drain(conn *websocket.Conn) {
	for {
		if _, _, err := conn.Read(l.ctx); err != nil {
			return
		}
	}
}

// produce writes more than the rate allows, and now and then what is no message.
func (l *load) produce() {
	for l.pause() {
		conn := l.dial("sesame", "/socket/in?clientId=producer&topic="+orders)
		if conn == nil {
			continue
		}
		var reading sync.WaitGroup
		reading.Go(func() { l.drain(conn) })
		for i := 0; ; i++ {
			text := fmt.Sprintf(`{"messageId":"m%d","value":{"value":"order %d","format":"string"}}`, i, i)
			if i%10 == 9 {
				text = strings.Replace(text, `"string"`, `"no such format"`, 1)
			}
			if conn.Write(l.ctx, websocket.MessageText, []byte(text)) != nil {
				break
			}
		}
		_ = conn.CloseNow()
		reading.Wait()
	}
}

// consume reads orders as what they are not.
func (l *load) consume() {
	const target = "/socket/out?clientId=consumer&groupId=readers&valType=long&topic=" + orders
	for l.pause() {
		if conn := l.dial("sesame", target); conn != nil {
			close(l.consuming)
			l.drain(conn)
			_ = conn.CloseNow()
			break
		}
	}
	l.reader(target)
}

// lag reads orders slowly, so that its group falls behind.
func (l *load) lag() { l.reader("/socket/out?clientId=slow&groupId=laggards&rate=5&topic=" + orders) }

// work settles records of a queue, slowly: every second one is given back, and comes again.
func (l *load) work() {
	for l.pause() {
		if conn := l.dial("sesame", "/socket/queue?clientId=worker&groupId=workers&topic="+orders); conn != nil {
			l.acknowledge(conn)
			_ = conn.CloseNow()
		}
	}
}

func (l *load) acknowledge(conn *websocket.Conn) {
	verbs := []string{"accept", "release"}
	for i := 0; l.pause(); i++ {
		_, text, err := conn.Read(l.ctx)
		var record struct {
			ID string `json:"wsProxyMessageId"`
		}
		if err != nil || json.Unmarshal(text, &record) != nil {
			return
		}
		if conn.Write(l.ctx, websocket.MessageText, fmt.Appendf(nil, `{%q:%q}`, verbs[i%2], record.ID)) != nil {
			return
		}
	}
}

func (l *load) reader(target string) {
	for l.pause() {
		if conn := l.dial("sesame", target); conn != nil {
			l.drain(conn)
			_ = conn.CloseNow()
		}
	}
}

// refused are clients that come without credentials, or ask for what is not there.
func (l *load) refused() {
	for l.pause() {
		for password, topic := range map[string]string{"wrong": orders, "sesame": "nowhere"} {
			if conn := l.dial(password, "/socket/in?clientId=refused&topic="+topic); conn != nil {
				_ = conn.CloseNow()
			}
		}
	}
}

// rivals want the place of a client that is connected. They begin later than it: they come so often that they
// would have the place nearly always.
func (l *load) rivals() {
	select {
	case <-l.consuming:
	case <-l.ctx.Done():
	}
	for l.pause() {
		if conn := l.dial("sesame", "/socket/out?clientId=consumer&groupId=readers&onConflict=reject&topic="+orders); conn != nil {
			_ = conn.CloseNow()
		}
	}
}

// sleepers read nothing of what they asked for.
func (l *load) sleepers() {
	for l.pause() {
		conn := l.dial("sesame", "/socket/out?clientId=sleeper&groupId=sleepers&topic="+large)
		if conn == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(l.ctx, 3*time.Second)
		<-ctx.Done()
		cancel()
		_ = conn.CloseNow()
	}
}

// fill writes what sleepers do not read, and what no replica understands.
func (l *load) fill() {
	value := make([]byte, 64<<10)
	for range 512 {
		l.kafka.Produce(l.ctx, &kgo.Record{Topic: large, Value: value}, nil)
	}
	for l.pause() {
		l.kafka.Produce(l.ctx, &kgo.Record{Topic: state, Key: []byte("nobody's"), Value: []byte("nothing")}, nil)
	}
}
