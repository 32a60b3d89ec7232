package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// toldWithin is how soon an open socket must be told that its topic no longer exists.
const toldWithin = time.Minute

// deleting is a Kafka whose topics are deleted under open sockets, and a proxy that serves them.
type deleting struct {
	*cluster // with a client that may delete topics
	proxy    *proxy
	header   http.Header                      // the credentials of the clients
	allow    func(t *testing.T, topic string) // allows the clients to use it, in the group of its name
}

// onDeleting runs a test where the proxy's own credentials see the topic, and, on Kafka, where only the
// client's do.
func onDeleting(t *testing.T, test func(t *testing.T, d *deleting)) {
	t.Helper()
	onBoth(t, func(t *testing.T, k *cluster) {
		test(t, &deleting{cluster: k, proxy: k.run(t), allow: func(*testing.T, string) {}})
	})
	t.Run("Kafka, as the client alone", func(t *testing.T) {
		t.Parallel()
		test(t, deletingByClients(t))
	})
}

// deletingByClients is a Kafka whose topics alice may use, behind a proxy that may not even see them.
func deletingByClients(t *testing.T) *deleting {
	t.Helper()
	s := secureKafka(t)
	client, err := s.Client(kafka.Admin, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	alice := kafkaAuth(kafka.Alice, kafka.Password(kafka.Alice))
	d := &deleting{
		cluster: &cluster{addr: s.Addr(), real: true, client: client, admin: kadm.NewClient(client)},
		header:  http.Header{alice[0]: {alice[1]}},
	}
	d.allow = func(t *testing.T, topic string) {
		t.Helper()
		err := s.AllowTopic(t.Context(), kafka.Alice, topic, kadm.OpRead, kadm.OpWrite)
		if err == nil {
			err = s.AllowGroup(t.Context(), kafka.Alice, topic, kadm.OpRead)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d.startAsBob(t, s)
	return d
}

// startAsBob starts the proxy as a user who may only store its sessions.
func (d *deleting) startAsBob(t *testing.T, s secure) {
	t.Helper()
	sessions := shared.run + "." + unique("sessions")
	if err := s.AllowTopic(t.Context(), kafka.Bob, sessions, kadm.OpAll); err != nil {
		t.Fatal(err)
	}
	d.proxy = s.start("KAFKA_SASL_USERNAME="+kafka.Bob, "KAFKA_SASL_PASSWORD="+kafka.Password(kafka.Bob), "SESSION_STATE_TOPIC="+sessions)
}

// open opens a socket. It tries again while the rights for it are not in force yet, and while the
// place of a connection that has just ended is taken.
func (d *deleting) open(t *testing.T, path string) *client {
	t.Helper()
	var conn *websocket.Conn
	eventually(t, "opening "+path, func() bool {
		var res *http.Response
		var err error
		conn, res, err = websocket.Dial(t.Context(), "ws://"+d.proxy.addr+path, &websocket.DialOptions{HTTPClient: httpClient(), HTTPHeader: d.header})
		if res != nil && res.Body != nil {
			defer res.Body.Close()
		}
		if err != nil && (res == nil || res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusTooManyRequests) {
			t.Fatalf("opening %s: %v", path, err)
		}
		return err == nil
	})
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &client{t: t, conn: conn, transcript: newTranscript(t, path)}
}

// remake makes a topic again that is being deleted.
func (d *deleting) remake(t *testing.T, topic string) {
	t.Helper()
	eventually(t, "the topic is made again", func() bool {
		_, err := d.admin.CreateTopic(t.Context(), 1, 1, nil, topic)
		return err == nil
	})
}

// TestTopicEndsUnderIdleSockets deletes a topic under sockets that have written and read, and have
// nothing to do. A client that reconnects to a topic that was made again can write from its first message
// on, and reads from the first record.
func TestTopicEndsUnderIdleSockets(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"deleted": false, "made again": true} {
		t.Run(name, func(t *testing.T) {
			onDeleting(t, func(t *testing.T, d *deleting) { topicEnds(t, d, again) })
		})
	}
}

func topicEnds(t *testing.T, d *deleting, again bool) {
	t.Helper()
	topic := d.topic(t, 1)
	d.allow(t, topic)
	writer := "/socket/in?clientId=" + topic + "&topic=" + topic
	reader := "/socket/out?clientId=" + topic + "&groupId=" + topic + "&topic=" + topic
	in, out := d.open(t, writer), d.open(t, reader)
	writeAndRead(t, in, out, 5)
	ends := map[string]<-chan ended{"/socket/in": in.end(), "/socket/out": out.end()}
	d.awaitCommit(t, topic, topic, 5)
	d.delete(t, topic)
	deleted, want := time.Now(), websocket.StatusCode(4404)
	if again {
		d.remake(t, topic)
		want = websocket.StatusServiceRestart
	}
	for path, end := range ends {
		e := <-end
		took := e.at.Sub(deleted)
		t.Logf("%s: closed with %d after %v", path, e.code, took.Round(time.Millisecond))
		if e.code != want || took > toldWithin {
			t.Errorf("%s: closed with %d (%v) after %v, want %d", path, e.code, e.err, took, want)
		}
		if told := len(e.frames) == 1 && parse[answer](t, e.frames[0]).refused("TOPIC_NOT_FOUND"); told == again || again && len(e.frames) > 0 {
			t.Errorf("%s: was told %q before the close", path, e.frames)
		}
	}
	if again {
		writeAndRead(t, d.open(t, writer), d.open(t, reader), 3)
	}
}

// writeAndRead writes messages to a topic that has none, each answered before the next, and reads them.
func writeAndRead(t *testing.T, in, out *client, n int64) {
	t.Helper()
	for i := range n {
		in.send(fmt.Sprintf(`{"value":{"value":"%d"}}`, i))
		if a := in.ack(); a.Offset != i {
			t.Errorf("message %d has the offset %d", i, a.Offset)
		}
		if d := out.delivery(); d.Offset != i || string(d.Value.Value) != fmt.Sprintf(`"%d"`, i) {
			t.Errorf("record %d, with %s, was delivered as record %d", d.Offset, d.Value.Value, i)
		}
	}
}

// ended is how a connection ended, and the messages before.
type ended struct {
	frames []string
	at     time.Time
	code   websocket.StatusCode
	err    error
}

// end reads until the connection ends, and so answers pings.
func (c *client) end() <-chan ended {
	over := make(chan ended, 1)
	go func() {
		var e ended
		for {
			frame, err := c.nextWithin(2 * toldWithin)
			if err != nil {
				e.at, e.code, e.err = time.Now(), websocket.CloseStatus(err), err
				over <- e
				return
			}
			e.frames = append(e.frames, frame)
		}
	}()
	return over
}

// refused tells whether the frame is an error with a code.
func (a answer) refused(code string) bool { return a.Error != nil && a.Error.Code == code }
