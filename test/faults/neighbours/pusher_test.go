package neighbours

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

const (
	// calm is how many messages in a row must have the right outcome on a connection before a
	// change counts as settled.
	calm       = 60
	busyWindow = 30
	busyRound  = 60
	smallest   = 200_000
	largest    = 600_000
	tooLarge   = "MESSAGE_TOO_LARGE"
	// envelope is what a record takes besides its value, at most.
	envelope = 200
)

// pusher is a producer of large messages on one connection.
type pusher struct {
	*connection
	name  string
	rand  *rand.Rand
	count int
	row   int // messages since the last one that had not the right outcome
	told  int // the last regime that was found settled
}

// large is a message and the size of its value.
type large struct {
	message
	size int
}

func (p *pusher) next() *large {
	p.count++
	size := smallest + p.rand.IntN(largest-smallest)
	return &large{size: size, message: message{
		id: fmt.Sprintf("%s.%d", p.name, p.count), body: `"partition":0,"value":{"value":"` + strings.Repeat("x", size) + `"}`,
	}}
}

// run pushes messages, again and again those that are to be, until the crowd stops. Every
// message must have an outcome that is right under a limit that the topic has had meanwhile.
func (p *pusher) run(c *crowd) error {
	var left []*large
	for {
		before, stopped := c.now()
		if stopped {
			return nil
		}
		round := left
		for len(round) < busyRound {
			round = append(round, p.next())
		}
		if err := p.push(round); err != nil {
			return err
		}
		after, _ := c.now()
		if before.number != after.number {
			p.row = 0
		}
		after.low, after.high = min(before.low, after.low), max(before.high, after.high)
		var err error
		if left, err = p.judge(c, round, after); err != nil {
			return err
		}
		if p.row >= calm && len(left) == 0 && p.told != after.number {
			p.told = after.number
			c.calm <- after.number
		}
	}
}

func (p *pusher) push(round []*large) error {
	messages := make([]*message, len(round))
	for i, m := range round {
		messages[i] = &m.message
	}
	if err := p.exchange(messages, busyWindow); err != nil {
		return err
	}
	return ordered(messages)
}

// judge looks at the outcomes of a round, and returns what is to be sent again.
func (p *pusher) judge(c *crowd, round []*large, r regime) (left []*large, err error) {
	taken := 0
	for _, m := range round {
		if err := m.judge(r); err != nil {
			return nil, err
		}
		if p.row++; !m.right(r.limit) {
			p.row = 0
		}
		if m.answer.retriable() {
			left = append(left, m)
		}
		if m.answer.Error == nil {
			taken++
		}
	}
	c.count(taken, len(round)-taken-len(left), len(left))
	return left, nil
}

// judge refuses an outcome that a message can have under no limit of the regime.
func (m *large) judge(r regime) error {
	switch {
	case m.answer.retriable():
		return nil
	case m.answer.code() == "" && m.size <= r.high:
		return nil
	case m.answer.code() == tooLarge && m.size+envelope > r.low:
		return nil
	default:
		return fmt.Errorf("%w: %s of %d bytes, limits %d to %d: %+v", errOutcome, m.id, m.size, r.low, r.high, m.answer)
	}
}

// right tells whether the outcome is the one under the limit.
func (m *large) right(limit int) bool {
	switch code := m.answer.code(); {
	case m.size+envelope <= limit:
		return code == ""
	case m.size > limit:
		return code == tooLarge
	default:
		return code == "" || code == tooLarge
	}
}
