//go:build cluster

package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// move is a client that lost its connection, or has one again.
type move struct {
	at     time.Time
	client string
	open   bool
}

func (l *load) opened(client, group string) (conn int) {
	conn = l.Open(group)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moves = append(l.moves, move{time.Now(), client, true})
	return conn
}

// closed records how a connection ended: by a status, or cut.
func (l *load) closed(client string, conn int, err error) {
	code := status(err)
	l.Add(history.Event{Kind: history.Close, Conn: conn, Code: code})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closes[code]++
	l.moves = append(l.moves, move{time.Now(), client, false})
}

// status is what a connection was closed with, empty where it was cut.
func status(err error) string {
	if code := websocket.CloseStatus(err); code >= 0 {
		return fmt.Sprint(int(code))
	}
	return ""
}

// ended returns how many connections were closed or cut.
func (l *load) ended() (count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.closes {
		count += n
	}
	return count
}

// tell logs how connections ended, and when clients went and came.
func (l *load) tell(t *testing.T) {
	t.Helper()
	t.Logf("closes by status %v, failed handshakes %v\n%s%s", l.closes, l.missed, timeline(l.moves), gaps(l.moves))
}

// step is what a line of the timeline covers.
const step = 200 * time.Millisecond

// timeline draws closes and the opens that follow them.
func timeline(moves []move) string {
	first := slices.IndexFunc(moves, func(m move) bool { return !m.open })
	if first < 0 {
		return ""
	}
	begin := moves[first].at
	steps := map[int][2]int{}
	last := 0
	for _, m := range moves[first:] {
		n := int(m.at.Sub(begin) / step)
		count := steps[n]
		if m.open {
			count[1]++
		} else {
			count[0]++
		}
		steps[n], last = count, max(last, n)
	}
	var b strings.Builder
	for n := range last + 1 {
		if count, ok := steps[n]; ok {
			fmt.Fprintf(&b, "%7.1f s  closed %3d  opened %3d %s\n",
				(time.Duration(n) * step).Seconds(), count[0], count[1], strings.Repeat("o", count[1]))
		}
	}
	return b.String()
}

// absences returns how long clients were away, the shortest first, and how many never came back.
func absences(moves []move) (away []time.Duration, never int) {
	lost := map[string]time.Time{}
	for _, m := range moves {
		at, was := lost[m.client]
		switch {
		case !m.open && !was:
			lost[m.client] = m.at
		case m.open && was:
			away = append(away, m.at.Sub(at))
			delete(lost, m.client)
		}
	}
	slices.Sort(away)
	return away, len(lost)
}

// gaps tells how long clients were away.
func gaps(moves []move) string {
	away, never := absences(moves)
	if len(away) == 0 {
		return ""
	}
	return fmt.Sprintf("%d times a client was away, for a median of %s and at most %s; %d never came back",
		len(away), away[len(away)/2].Round(time.Millisecond), away[len(away)-1].Round(time.Millisecond), never)
}
