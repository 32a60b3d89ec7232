package socket

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestPongJudge(t *testing.T) {
	for name, test := range map[string]struct {
		steps string // p: a ping; r: a pong that repeats one; x: one that does not; s: a while
		wrong string // with ! behind the pong at which the peer is told, empty: it is not
	}{
		"three in a row":                      {"pxpxpx", "pxpxpx!"},
		"it is told once":                     {"pxpxpxpxpx", "pxpxpx!pxpx"},
		"two":                                 {"pxpx", ""},
		"a right one in between":              {"pxpxprpxpx", ""},
		"three after a right one":             {"prpxpxpx", "prpxpxpx!"},
		"answers that are under way":          {"pppxxx", "pppxxx!"},
		"one answer to several pings":         {"ppxppxppx", "ppxppxppx!"},
		"a ping without an answer":            {"pxpspxpx", "pxpspxpx!"},
		"heartbeats before a ping":            {"xpxpxpx", ""},
		"heartbeats behind a right pong":      {"prxpxpxpx", ""},
		"heartbeats behind a wrong pong":      {"pxxpxpx", ""},
		"heartbeats of one that is behind":    {"psxpsxpsxpsx", ""},
		"heartbeats of one that comes to it":  {"ppppsxsxrpxpx", ""},
		"a right one stands for those before": {"pppprxpxpxpx", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var j pongJudge
				var got strings.Builder
				for _, step := range test.steps {
					got.WriteRune(step)
					switch step {
					case 'p':
						j.pinged()
					case 's':
						time.Sleep(promptPong + time.Millisecond)
					default:
						if j.ponged(step == 'r') {
							got.WriteByte('!')
						}
					}
				}
				want := test.wrong
				if want == "" {
					want = test.steps
				}
				if got.String() != want {
					t.Errorf("got %s, want %s", &got, want)
				}
			})
		})
	}
}

// answerWrongly answers pings by pongs of another payload until the proxy closes the connection.
// each is called for each ping.
func (p *peer) answerWrongly(each func()) (pings int, reason string) {
	p.t.Helper()
	for {
		frame, err := p.next()
		switch {
		case err != nil:
			p.t.Fatalf("after %d pings: %v", pings, err)
		case frame.op == opPing:
			pings++
			p.send(opPong, "pong")
			each()
		case frame.op == opClose:
			if code := proxy.CloseCode(frame.payload[0])<<8 | proxy.CloseCode(frame.payload[1]); code != proxy.CloseProtocolError {
				p.t.Errorf("closed with %d", code)
			}
			p.send(opClose, string(frame.payload[:2]))
			return pings, string(frame.payload[2:])
		}
	}
}

func TestAPeerThatAnswersDeliveryPingsWronglyIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		over := serveOut(c, outOptions(kafka))
		next := int64(0)
		feed := func() {
			kafka.feed(0, next, next+1)
			next++
		}
		feed()
		pings, reason := p.answerWrongly(feed)
		<-over
		if pings != maxStrangePongs || !strings.Contains(reason, "do not repeat their payload") {
			t.Errorf("after %d pings: %q", pings, reason)
		}
		wantResult(t, c, proxy.CloseProtocolError)
		if kafka.attempts() > 0 || !kafka.left {
			t.Errorf("%d commits, left is %t", kafka.attempts(), kafka.left)
		}
	})
}

func TestAPeerThatAnswersKeepalivePingsWronglyIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		over := serveOut(c, manualOptions(newConsumer(0)))
		if pings, _ := p.answerWrongly(func() {}); pings != maxStrangePongs {
			t.Errorf("closed after %d pings", pings)
		}
		<-over
	})
}

// TestAPeerThatNothingIsDeliveredToMayPongAnything checks that pongs are judged on /socket/out only:
// elsewhere they are only signs of life.
func TestAPeerThatNothingIsDeliveredToMayPongAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		r := serve(c, &script{}, nil)
		for range 2 * maxStrangePongs {
			p.want(opPing, keepalivePing)
			p.send(opPong, "pong")
		}
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-r.over
	})
}
