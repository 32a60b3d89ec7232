package socket

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// refusedGrace is what a connection has for its answers after a renewal was refused.
const refusedGrace = 5 * time.Second

// Renewer takes a client's new token, and returns until when the connection may last with it.
type Renewer func(token string) (expires time.Time, e *proxy.Error)

// OnRenew has the client's messages {"auth":{"token":"…"}} answered by a Renewer, in the reader. It
// is called before the flow is served. Without it they are messages like others.
func (c *Conn) OnRenew(renew Renewer) { c.renewer = renew }

// renew takes a message that renews the client's token, and returns its answer. Where the token is
// refused the connection ends, and there is none. One that cannot be judged now is answered by an error
// frame: the connection has the token before for as long as that lasts.
func (c *Conn) renew(text bool, frame []byte) (answer []byte, taken bool) {
	if !text || c.renewer == nil {
		return nil, false
	}
	token, ok := renewal(frame)
	if !ok {
		return nil, false
	}
	expires, e := c.renewer(token)
	if e != nil && e.Kind == proxy.KindOverloaded {
		return codec.AppendError(nil, e, "", ""), true
	}
	if e != nil {
		c.End(EndWith(e, refusedGrace))
		return nil, true
	}
	answer = append(answer, `{"auth":{"expiresAt":`...)
	answer = strconv.AppendInt(answer, expires.UnixMilli(), 10)
	return append(answer, "}}"...), true
}

// renewal returns the token of a message that renews it, however wrong it is. No message of the
// flows is taken for one: each has a member that is required of it.
func renewal(frame []byte) (token string, ok bool) {
	if !beginsWithAuth(frame) {
		return "", false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(frame, &members) != nil || members["value"] != nil || members[codec.MessageIDName] != nil {
		return "", false
	}
	var auth struct {
		Token string `json:"token"`
	}
	if json.Unmarshal(members["auth"], &auth) != nil {
		return "", true
	}
	return auth.Token, true
}

// beginsWithAuth tells whether auth is the first member of an object. It is asked for each message,
// and looks at no more than its begin.
func beginsWithAuth(frame []byte) bool {
	const space = " \t\r\n"
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(frame, space), []byte("{"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, space), []byte(`"auth"`))
}

// takeRenewal is as take, for a message that renews the client's token.
func (f *in) takeRenewal(text bool, frame []byte) (taken bool, err error) {
	answer, taken := f.conn.renew(text, frame)
	if answer == nil {
		return taken, nil
	}
	if err := throttleAll(f.conn, f.options.Rate, f.throttled, 1); err != nil {
		return true, err
	}
	slot := f.answers.pushText(answer, time.Now())
	if slot == nil {
		return true, nil
	}
	if err := f.window.Acquire(f.conn.done, slot.cost(), slot.bytes); err != nil {
		return true, err
	}
	f.answers.settle(slot)
	return true, nil
}

// pushText appends the slot of a message whose answer is at hand.
func (a *answers) pushText(text []byte, received time.Time) *slot {
	slot := a.push([]codec.Message{{}}, nil, int64(len(text)), received)
	if slot == nil {
		return nil
	}
	slot.entries[0].text = text
	slot.entries[0].Done(proxy.Ack{}, nil)
	return slot
}

// takeRenewal takes a message that renews the client's token.
func (f *out) takeRenewal(text bool, frame []byte) bool {
	answer, taken := f.conn.renew(text, frame)
	if answer != nil {
		f.conn.SendText(answer)
	}
	return taken
}
