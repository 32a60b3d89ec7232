package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// jwt returns a token that nobody has signed.
func jwt(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + ".x"
}

func TestWhenATokenExpires(t *testing.T) {
	for token, want := range map[string]int64{
		jwt(`{"exp":1700000000}`): 1700000000, jwt(`{"exp":1700000000.5}`): 1700000000,
		jwt(`{}`): 0, jwt(`{"exp":"soon"}`): 0, jwt(`{"exp":-1}`): 0, "opaque": 0, "a.%.c": 0, "": 0,
	} {
		if got := expiryOf(token); got.IsZero() != (want == 0) || want > 0 && got.Unix() != want {
			t.Errorf("%s expires at %v", token, got)
		}
	}
}

// TestATokenIsRenewedBeforeItExpires while messages go on: the answer comes among theirs. The proxy cannot tell at first.
func TestATokenIsRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	var connections, tokens atomic.Int32
	renewed := make(chan string, 2)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections.Add(1)
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		for {
			_, message, err := ws.Read(r.Context())
			if err != nil {
				return
			}
			answer := []byte(`[{"topic":"t","partition":0,"offset":1,"timestamp":1}]`)
			var auth struct{ Auth struct{ Token string } }
			if json.Unmarshal(message, &auth) == nil {
				renewed <- auth.Auth.Token
				answer = []byte(`{"error":{"code":"OVERLOADED","message":"not now","retriable":true}}`)
				if len(renewed) > 1 {
					answer = fmt.Appendf(nil, `{"auth":{"expiresAt":%d}}`, time.Now().Add(time.Hour).UnixMilli())
				}
			}
			if err := ws.Write(r.Context(), websocket.MessageText, answer); err != nil {
				t.Error(err)
			}
		}
	}))
	defer s.Close()
	c, err := New(Options{URL: s.URL, Token: func(context.Context) (string, error) {
		return jwt(fmt.Sprintf(`{"exp":%d,"n":%d}`, time.Now().Add(2*time.Second).Unix(), tokens.Add(1))), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Producer(ProducerOptions{Topic: "t"})
	for len(renewed) < 2 {
		if _, err := p.Send(t.Context(), Message{Value: []byte("v")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := p.Send(t.Context(), Message{Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if first, second := <-renewed, <-renewed; first == second || connections.Load() != 1 || tokens.Load() != 3 {
		t.Errorf("%d connections had %d tokens, %s and %s among them", connections.Load(), tokens.Load(), first, second)
	}
}

// TestATokenThatStaysTheSameIsNotSentAgain and neither is one whose source fails.
func TestATokenThatStaysTheSameIsNotSentAgain(t *testing.T) {
	t.Parallel()
	same, asked := jwt(fmt.Sprintf(`{"exp":%d}`, time.Now().Unix())), make(chan struct{}, 1)
	c := newConn()
	c.alive.Done() // nobody keeps it alive
	c.alive.Go(func() {
		c.renewTokens(func(context.Context) (string, error) { // a write would fail: there is no WebSocket
			asked <- struct{}{}
			return same, nil
		}, same)
	})
	<-asked
	c.end(errCut)
	c.alive.Wait()
}
