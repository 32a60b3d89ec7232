package socket

import (
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// maxStrangePongs is how many pings in a row a peer may answer by pongs of another payload.
	maxStrangePongs = 3
	// promptPong is how soon after a ping a pong of another payload is taken for its answer. A client
	// that is behind with reading may send heartbeats of its own meanwhile.
	promptPong = 2 * time.Second
)

// pongJudge tells whether a peer answers pings by pongs of another payload, against RFC 6455, section
// 5.5.3. Pongs that nobody asked for are allowed, and some clients send them as heartbeats, those of
// .NET by default. A peer that is known for them is not judged: its pongs may be no answers.
type pongJudge struct {
	mu         sync.Mutex // guards what follows
	unanswered int        // pings without a pong of any payload
	asked      time.Time  // when the newest ping was sent
	strange    int        // pongs of another payload in a row
	heartbeats bool       // whether a pong came when no ping was open
}

// pinged notes that a ping is being sent.
func (j *pongJudge) pinged() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.unanswered++
	j.asked = time.Now()
}

// ponged takes a pong, which may have the payload of a ping, and tells whether the peer is to be told
// that it answers pings wrongly.
func (j *pongJudge) ponged(right bool) (wrong bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if right { // it stands for the pings before it, too
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

// strangePongs is the ending of a peer that would never be known to have anything: without a word,
// its operator would see nothing but offsets that are not committed.
func strangePongs() Ending {
	return Ending{
		Code:   proxy.CloseProtocolError,
		Reason: "Three pings in a row were answered by pongs that do not repeat their payload (RFC 6455, section 5.5.3).",
	}
}
