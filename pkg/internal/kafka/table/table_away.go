package table

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// away measures how long a table has read nothing. It uses the wall clock: the monotonic clock of Linux
// stops while a machine is suspended.
type away struct {
	retention time.Duration // for which the topic keeps tombstones, 0 if unknown
	answered  time.Time     // when Kafka last answered a fetch, without a monotonic reading
}

// begin notes that the log is read from its start: nothing was missed.
func (a *away) begin() { a.answered = time.Time{} }

// answer notes an answer of Kafka, and reports whether tombstones may have been removed since the last
// one. Such an answer must not be used: a record that they removed would stay in the table for ever.
func (a *away) answer(now time.Time) bool {
	now = now.Round(0)
	since := now.Sub(a.answered)
	missed := !a.answered.IsZero() && a.retention > 0 && since > a.retention
	a.answered = now
	return missed
}

// checkRetention takes over for how long the topic keeps tombstones, and warns if that is not what it
// should be.
func (t *Table) checkRetention(configs map[string]string) {
	want := t.options.DeleteRetention
	if want == 0 {
		return
	}
	is := time.Duration(cluster.Number(configs[deleteRetention], want.Milliseconds())) * time.Millisecond
	t.away.retention = is
	command := t.configure([]string{deleteRetention + "=" + *millis(want)})
	switch {
	case is < want:
		t.log.Warn("the topic's tombstones may be removed too early: a replica that is cut off begins anew more often", "is", is.String(), "run", command)
	case is > want:
		t.log.Warn("the topic keeps tombstones for longer than needed, which each new replica must read", "is", is.String(), "run", command)
	}
}
