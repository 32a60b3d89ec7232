package client

import (
	"errors"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// control takes the outcomes of acknowledgements, and locks that have ended. It takes all that is no record.
func (w *work) control(message []byte) (taken bool) {
	c, err := parseControl(message)
	if err != nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case c.Error != nil && c.ID != "":
		w.refused(c.ID, c.err())
	case c.Error != nil:
		w.conn.last = c.err()
	case c.Renewed != nil:
		for _, id := range c.Renewed.IDs {
			w.renewed(id, c.Renewed.Until)
		}
	default:
		for _, id := range c.Settled {
			w.settled(id)
		}
		for _, id := range c.Expired {
			if t := w.held[id]; t != nil {
				t.expired = true
			}
			w.lose(id, lockExpired(id))
		}
	}
	return true
}

// The rest is called while w.mu is held.

// settled ends the delivery that an acknowledgement has settled. The proxy tells of the end of a lock only if there is no acknowledgement by
// then: one that was on its way has settled the delivery that came next.
func (w *work) settled(id string) {
	a, ok := w.pop(id)
	if !ok {
		return
	}
	if a.by.over == nil || a.by.expired {
		w.lose(id, settledBefore(id))
	}
	a.answered <- outcome{}
}

// refused ends the delivery whose acknowledgement was refused, unless another try can succeed.
func (w *work) refused(id string, why *Error) {
	a, ok := w.pop(id)
	if !ok {
		return
	}
	if a.by.over == nil && why.Code != proxy.KindCommitFailed.String() {
		w.lose(id, why)
	}
	a.answered <- outcome{err: why}
}

func (w *work) renewed(id string, until int64) {
	if a, ok := w.pop(id); ok {
		a.answered <- outcome{until, a.by.over}
	}
}

// pop returns the acknowledgement on a record that is answered next.
func (w *work) pop(id string) (a asked, ok bool) {
	all := w.waiting[id]
	if len(all) == 0 {
		return a, false
	}
	if w.waiting[id] = all[1:]; len(all) == 1 {
		delete(w.waiting, id)
	}
	return all[0], true
}

// errTooManyTasks is the error for more tasks than were asked for, which no proxy sends.
var errTooManyTasks = &Error{
	Code: proxy.KindInvalidMessage.String(), Message: "the proxy has sent more tasks than the window takes", Close: int(proxy.CloseProtocolError),
}

func lockExpired(id string) error {
	return &Error{Code: proxy.KindLockExpired.String(), Message: "the lock of " + id + " has ended: renew the task in time, see Task.Until"}
}

func settledBefore(id string) error {
	return &Error{Code: proxy.KindUnknownMessageID.String(), Message: id + " was settled before"}
}

// isOver tells whether a delivery is over, and not its connection.
func isOver(err error) bool {
	var e *Error
	return errors.As(err, &e)
}
