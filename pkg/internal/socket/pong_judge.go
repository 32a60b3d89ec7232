package socket

import (
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// maxStrangePongs is how many pings in a row a peer may answer by pongs of another payload.
	maxStrangePongs = 3
	// promptPong is how long after a ping a pong of another payload is taken for its answer. Later ones
	// are not: a client that is behind with reading may send heartbeats of its own meanwhile.
	promptPong = 2 * time.Second
)

// pongJudge detects a peer that answers pings by pongs of another payload, against RFC 6455, section
// 5.5.3. Unsolicited pongs are allowed, and some clients send them as heartbeats, those of .NET by
// default. A peer that has sent one is not judged: its pongs may not be answers.
type pongJudge struct {
	mu         sync.Mutex // guards what follows
	unanswered int        // pings without a pong of any payload
	asked      time.Time  // when the newest ping was sent
	strange    int        // pongs of another payload in a row
	heartbeats bool       // whether a pong came when no ping was unanswered
}

// pinged counts a ping that is being sent.
func (j *pongJudge) pinged() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.unanswered++
	j.asked = time.Now()
}

// ponged takes a pong; right tells whether it has the payload of a ping. It returns whether the
// connection is to be ended because the peer answers pings wrongly.
func (j *pongJudge) ponged(right bool) (wrong bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if right { // it answers the pings before it, too
		j.unanswered, j.strange = 0, 0
		return false
	}
	if j.unanswered == 0 {
		j.heartbeats = true
		return false
	}
	j.unanswered--
	if j.heartbeats || time.Since(j.asked) > promptPong {
		return false
	}
	j.strange++
	return j.strange == maxStrangePongs
}

// strangePongs is the ending of a peer whose pongs can never prove a delivery: without a reason, its
// operator would only see offsets that are not committed.
func strangePongs() Ending {
	return Ending{
		Code:   proxy.CloseProtocolError,
		Reason: "Three pings in a row were answered by pongs that do not repeat their payload (RFC 6455, section 5.5.3).",
	}
}
