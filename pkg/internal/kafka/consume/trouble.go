package consume

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// troublePause is the pause after a first error. It doubles with each further error, up to
	// troublePauses.
	troublePause, troublePauses = 100 * time.Millisecond, 5 * time.Second
	// quietFor is the time without errors after which an error counts as a first one. It is longer than
	// the time between two retries of anything.
	quietFor = 30 * time.Second
)

// trouble is a series of errors that may pass. It is used by the polling goroutine only.
type trouble struct {
	last  time.Time     // of the last error of the series
	by    time.Time     // deadline for the end of the series
	pause time.Duration // due before the next poll
	due   bool
	stays bool // further polls would not return the error again
	err   error
}

// meet notes an error. first reports that the error begins a series, and end that the series has lasted
// too long.
func (t *trouble) meet(now time.Time, v outcome, err error) (first bool, end *proxy.Error) {
	first = t.err == nil || now.Sub(t.last) > quietFor
	if first {
		*t = trouble{by: now.Add(v.within), pause: troublePause / 2}
	}
	if by := now.Add(v.within); by.Before(t.by) {
		t.by = by
	}
	t.last, t.err, t.stays = now, err, t.stays || v.stays
	if !t.due {
		t.due, t.pause = true, min(2*t.pause, troublePauses)
	}
	if now.After(t.by) {
		return first, t.over()
	}
	return first, nil
}

func (t *trouble) over() *proxy.Error {
	return proxy.Wrap(t.err, proxy.KindKafkaUnavailable, "Reading from Kafka has failed for too long.")
}

// ending is a topic that may end.
type ending interface {
	Over() <-chan struct{}
	End() *proxy.Error
}

// wait is called between two polls: after an error it pauses. It returns ctx's error, or the error that
// ends reading: after an error the topic may have ended.
func (t *trouble) wait(ctx context.Context, topic ending) error {
	if !t.due {
		return nil
	}
	t.due = false
	pause := t.pause
	if t.stays {
		pause = time.Until(t.by)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-topic.Over():
		return topic.End()
	case <-timer.C:
	}
	if t.stays {
		return t.over()
	}
	return nil
}
