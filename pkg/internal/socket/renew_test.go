package socket

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	renewGood = `{"auth":{"token":"good"}}`
	renewed   = `{"auth":{"expiresAt":1700000000000}}`
)

// renewer accepts the token "good", and records all tokens.
func renewer(tokens *[]string) Renewer {
	return func(token string) (time.Time, *proxy.Error) {
		*tokens = append(*tokens, token)
		if token == "unknown" {
			return time.Time{}, proxy.Errorf(proxy.KindOverloaded, "The token cannot be checked now.")
		}
		if token != "good" {
			return time.Time{}, proxy.Errorf(proxy.KindNotAuthenticated, "The token is bad.")
		}
		return time.UnixMilli(1_700_000_000_000), nil
	}
}

// TestRenewalsAreAnsweredInTheirTurn has a renewal wait for the acknowledgement of a message before it.
func TestRenewalsAreAnsweredInTheirTurn(t *testing.T) {
	for name, change := range map[string]func(*InOptions){
		"JSON":           func(*InOptions) {},
		"a small window": func(o *InOptions) { o.MaxInFlight = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, m := accept(t, quietSettings(), bufferSize)
				var tokens []string
				c.OnRenew(renewer(&tokens))
				k := &producer{}
				o := inOptions(k)
				change(&o)
				over := serveIn(c, o)
				p.send(opText, produce("a", "1"))
				p.send(opText, renewGood)
				p.send(opText, produce("b", "2"))
				synctest.Wait()
				k.ack(0)
				p.wantAnswers("a:0")
				p.want(opText, renewed)
				synctest.Wait()
				k.ack(1)
				p.wantAnswers("b:1")
				m.want("records_produced_total", 2)
				m.want("produce_errors_total", 0)
				m.want("in_flight_messages", 0)
				p.sendClose(1000, "")
				p.wantClose(proxy.CloseNormal)
				<-over
			})
		})
	}
}

func TestRenewalsUnderAvro(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		var tokens []string
		c.OnRenew(renewer(&tokens))
		o := inOptions(&producer{})
		o.Codec = codec.NewAvroIn(codec.InSettings{Topic: "t"})
		over := serveIn(c, o)
		p.send(opText, renewGood)
		p.want(opText, renewed)
		p.send(opBinary, renewGood)
		p.wantErrorText("INVALID_MESSAGE", "")
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
	})
}

// TestRenewalsThatCannotBeJudged checks that they leave the connection open and are answered in their turn.
func TestRenewalsThatCannotBeJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		var tokens []string
		c.OnRenew(renewer(&tokens))
		k := &producer{}
		over := serveIn(c, inOptions(k))
		p.send(opText, produce("a", "1"))
		p.send(opText, `{"auth":{"token":"unknown"}}`)
		p.send(opText, renewGood)
		p.send(opText, produce("b", "2"))
		synctest.Wait()
		k.ack(0)
		p.wantAnswers("a:0", ":OVERLOADED")
		p.want(opText, renewed)
		synctest.Wait()
		k.ack(1)
		p.wantAnswers("b:1")
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
	})
}

// TestRefusedRenewals checks that they close the connection, after the answers to the messages before.
func TestRefusedRenewals(t *testing.T) {
	for name, message := range map[string]string{
		"a bad token":      `{"auth":{"token":"bad"}}`,
		"no token":         `{"auth":{}}`,
		"null":             `{"auth":null}`,
		"null for a token": `{"auth":{"token":null}}`,
		"a number":         `{"auth":{"token":7}}`,
		"a list":           `{"auth":["good"]}`,
		"text":             `{"auth":"good"}`,
		"white space":      " \n{ \"auth\" : {\"token\": \"bad\" } } ",
		"1 MiB":            `{"auth":{"token":"` + strings.Repeat("x", 1<<20-30) + `"}}`,
		"garbage":          `{"auth":{"token":"\u0000\ud800"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), 4<<20)
				var tokens []string
				c.OnRenew(renewer(&tokens))
				k := &producer{}
				over := serveIn(c, inOptions(k))
				p.send(opText, produce("a", "1"))
				p.send(opText, message)
				p.send(opText, produce("b", "after it"))
				synctest.Wait()
				k.ack(0)
				p.wantAnswers("a:0", ":NOT_AUTHENTICATED")
				_, reason := p.wantClose(proxy.CloseNotAuthenticated)
				p.sendClose(4401, "")
				<-over
				if got := k.got(); len(got) != 1 || len(tokens) != 1 || strings.Contains(reason, "good") {
					t.Errorf("%q were produced, %d tokens were looked at, the reason is %q", got, len(tokens), reason)
				}
			})
		})
	}
}

// TestMessagesThatAreNoRenewals checks that they are handled like all other messages.
func TestMessagesThatAreNoRenewals(t *testing.T) {
	for name, test := range map[string]struct {
		message string
		without bool // whether the connection has no token to renew
		want    string
	}{
		"a message with a member auth":  {`{"auth":{"token":"good"},"messageId":"a","value":{"value":"v"}}`, false, "a:0"},
		"a tombstone with it":           {`{"auth":1,"messageId":"a","value":null}`, false, "a:0"},
		"no JSON":                       {`{"auth":{"token":"good"`, false, ":INVALID_JSON"},
		"a batch of one":                {`[` + renewGood + `]`, false, "[:INVALID_MESSAGE]"},
		"another name":                  {`{"Auth":{"token":"good"}}`, false, ":INVALID_MESSAGE"},
		"a longer name":                 {`{"authority":{"token":"good"}}`, false, ":INVALID_MESSAGE"},
		"a connection without a token":  {renewGood, true, ":INVALID_MESSAGE"},
		"a message with it, no renewer": {`{"auth":1,"messageId":"a","value":{"value":"v"}}`, true, "a:0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				var tokens []string
				if !test.without {
					c.OnRenew(renewer(&tokens))
				}
				k := &producer{each: func(n int, _ string, done proxy.Completion) { done.Done(proxy.Ack{Offset: int64(n)}, nil) }}
				over := serveIn(c, inOptions(k))
				p.send(opText, test.message)
				p.wantAnswers(test.want)
				p.sendClose(1000, "")
				p.wantClose(proxy.CloseNormal)
				<-over
				if len(tokens) > 0 {
					t.Errorf("%q were looked at", tokens)
				}
			})
		})
	}
}

func TestRenewalsOnOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		var tokens []string
		c.OnRenew(renewer(&tokens))
		k := newConsumer(0)
		over := serveOut(c, manualOptions(k))
		p.send(opText, renewGood)
		p.want(opText, renewed)
		k.feed(0, 0, 2)
		p.wantRecords(0, 0, 2)
		p.commit(0, 1)
		p.send(opText, `{"auth":{"token":"good"},"wsProxyMessageId":"x"}`)
		p.wantError("UNKNOWN_MESSAGE_ID", "x")
		p.send(opText, `{"auth":{"token":"bad"}}`)
		p.wantError("NOT_AUTHENTICATED", "")
		p.wantClose(proxy.CloseNotAuthenticated)
		p.sendClose(4401, "")
		<-over
		if k.position(0) != 2 {
			t.Errorf("committed up to %d", k.position(0))
		}
	})
}
