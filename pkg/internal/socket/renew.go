package socket

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// refusedGrace is how long a connection may take to write its answers after a renewal was refused.
const refusedGrace = 5 * time.Second

// Renewer checks a client's new token, and returns the time until which the connection may last with it.
type Renewer func(token string) (expires time.Time, e *proxy.Error)

// OnRenew sets the Renewer of the client's messages {"auth":{"token":"…"}}, which the reader calls. It
// must be called before the flow is served. Without a Renewer they are messages like others.
func (c *Conn) OnRenew(renew Renewer) { c.renewer = renew }

// renew takes a message that renews the client's token, and returns its answer. If the token is
// refused, the connection ends and there is no answer. If the token cannot be checked now, the answer
// is an error frame: the connection keeps the previous token for as long as that is valid.
func (c *Conn) renew(text bool, frame []byte) (answer []byte, taken bool) {
	if !text || c.renewer == nil {
		return nil, false
	}
	token, ok := renewal(frame)
	if !ok {
		return nil, false
	}
	c.waits()
	defer c.clock.reset()
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

// renewal returns the token of a message that renews it, even of a malformed one. No message of the
// flows is taken for a renewal: each has a required member that a renewal does not have.
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

// beginsWithAuth tells whether auth is the first member of an object. It is called for each message,
// and reads only the beginning.
func beginsWithAuth(frame []byte) bool {
	const space = " \t\r\n"
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(frame, space), []byte("{"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, space), []byte(`"auth"`))
}

// takeRenewal is like take, for a message that renews the client's token.
func (f *in) takeRenewal(text bool, frame []byte) (taken bool, err error) {
	answer, taken := f.conn.renew(text, frame)
	if answer == nil {
		return taken, nil
	}
	if err := throttleAll(f.conn, f.options.Rate, f.throttled, 1); err != nil {
		return true, err
	}
	slot := f.answers.pushText(answer)
	if slot == nil {
		return true, nil
	}
	if err := f.answers.acquire(f.conn.done, slot); err != nil {
		return true, err
	}
	f.answers.settle(slot)
	return true, nil
}

// pushText appends the slot of a message whose answer is known already.
func (a *answers) pushText(text []byte) *slot {
	slot := a.push([]codec.Message{{}}, nil, share{messages: 1, bytes: int64(len(text))}, time.Now(), false)
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
