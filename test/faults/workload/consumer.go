package workload

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// Consumer reads records on consecutive connections.
type Consumer struct {
	Client
	Rand      *rand.Rand
	Group     string
	Manual    bool          // it commits itself
	Latest    bool          // its group begins at the end
	Committed bool          // it reads committed records only
	Slow      time.Duration // between two records
	NoReading bool
	Pongs     Pongs
	Life      time.Duration // of a connection
	Ending    func(*rand.Rand) Ending
}

// Run reads until ctx ends. Then it closes the connection gracefully.
func (c *Consumer) Run(ctx context.Context) {
	parameters := url.Values{"groupId": {c.Group}}
	if c.Manual {
		parameters.Set("autoCommit", "false")
	}
	if c.Committed {
		parameters.Set("isolationLevel", "read_committed")
	}
	if c.Latest {
		parameters.Set("offsetResetStrategy", "latest")
	}
	for ctx.Err() == nil {
		s, err := c.open(ctx, "/socket/out", history.Event{Kind: history.Open, Group: c.Group}, parameters)
		if err == nil {
			c.serve(ctx, s)
		}
		if !Pause(ctx, time.Duration(c.Rand.Int64N(int64(reconnectMax)))) {
			return
		}
	}
}

func (c *Consumer) serve(ctx context.Context, s *session) {
	if c.NoReading {
		s.stop()
	}
	go s.read(func(frame []byte) { c.take(s, frame) }, func() {
		if c.Slow > 0 {
			Pause(s.stopped, c.Slow)
		}
	}, c.Pongs)
	if c.NoReading {
		Pause(ctx, c.Life)
	} else {
		Pause(s.life, c.Life)
	}
	ending := c.Ending(c.Rand)
	if ctx.Err() != nil {
		ending = CloseAtOnce
	}
	s.end(ctx, ending, c.Rand)
}

// take records a delivery, and commits it if the client must commit.
func (c *Consumer) take(s *session, frame []byte) {
	var d delivery
	if err := json.Unmarshal(frame, &d); err != nil {
		s.recorder.Add(history.Event{Kind: history.Delivery, Conn: s.conn, Group: c.Group, Partition: -1, Content: string(frame)})
		return
	}
	if d.Error != nil {
		return
	}
	e := history.Event{Kind: history.Delivery, Conn: s.conn, Group: c.Group, Partition: d.Partition, Offset: d.Offset, Content: d.content()}
	s.recorder.Add(e)
	if !c.Manual {
		return
	}
	e.Kind, e.Content = history.ClientCommit, ""
	s.recorder.Add(e)
	payload, err := json.Marshal(map[string]string{"wsProxyMessageId": d.ID})
	if err == nil {
		_ = s.ws.Send(wsclient.Text, payload)
	}
}
