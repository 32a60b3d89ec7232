package outside

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// use is what testdata/uses.mjs is to do.
type use struct {
	URL    string `json:"url"`
	Topic  string `json:"topic"`
	Pace   int    `json:"pace,omitempty"`   // ms between messages
	Tokens string `json:"tokens,omitempty"` // an address that gives some

	Backoff *backoff `json:"backoff,omitempty"`
}

// backoff has the bounds of pauses between attempts in ms.
type backoff struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

func (u use) String() string {
	text, err := json.Marshal(u)
	if err != nil {
		panic(err) // it has nothing but text and numbers
	}
	return string(text)
}

// inNode has the client write messages to a topic, and read them in all ways.
func inNode(t testing.TB, what use, settings ...string) *scripted {
	t.Helper()
	settings = append(settings, "CLIENT="+filepath.Join(installed(t, "typescript"), "dist", "index.js"))
	p, err := process.Start("node", settings, "--experimental-websocket", "testdata/typescript.mjs", what.String())
	must(t, err)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the client, %v, printed:\n%s\n%s", p.State(), p.Stdout.Tail(), p.Stderr.Tail())
		}
	})
	return newScripted(t, what.Topic, &nodeScript{Process: p, t: t})
}

// nodeScript is uses.mjs in Node.
type nodeScript struct {
	*process.Process

	t     testing.TB
	taken int // bytes of what it printed
}

func (s *nodeScript) printed() string {
	s.t.Helper()
	if s.Ended() {
		s.t.Fatal("the client has ended")
	}
	more := s.Stdout.From(s.taken)
	more = more[:strings.LastIndex(more, "\n")+1]
	s.taken += len(more)
	return more
}

func (s *nodeScript) stop() {
	s.t.Helper()
	must(s.t, s.Signal(syscall.SIGUSR2))
}

func (s *nodeScript) end() {
	s.t.Helper()
	must(s.t, s.Signal(syscall.SIGTERM))
	await(s.t, "the client's end", s.Ended)
	if code := s.State().ExitCode(); code != 0 {
		s.t.Errorf("the client ended with code %d", code)
	}
}

// installed installs something for a language, and returns where it lies.
func installed(t testing.TB, what string) string {
	t.Helper()
	var reason process.Output
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	install := exec.CommandContext(ctx, "../clients/install", what)
	install.Stderr = &reason
	folder, err := install.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		lacking(t, what+": "+reason.String())
	}
	if err != nil {
		t.Fatalf("installing %s: %v\n%s", what, err, reason.String())
	}
	return strings.TrimSpace(string(folder))
}

// compacted makes a topic with the newest record of each key.
func (c *cluster) compacted(partitions int32) string {
	c.t.Helper()
	topic := c.topic(partitions)
	changes := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: new("compact")}}
	answers, err := c.admin.AlterTopicConfigs(within(c.t, patience), changes, topic)
	must(c.t, err)
	must(c.t, answers[0].Err)
	return topic
}

// TestTypeScriptClientLosesNothing cuts its connections, and restarts the proxy, while it writes and reads in all ways.
func TestTypeScriptClientLosesNothing(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.compacted(3)
	first := k.serve()
	link := relayTo(t, first.main)
	c := inNode(t, use{URL: "ws://" + link.addr(), Topic: topic})
	c.goesOn()
	link.cut()
	c.goesOn()
	link.lead(k.serve().main)
	first.terminate()
	first.exit(patience)
	c.goesOn()
	link.cut()
	c.judge(k)
	c.end()
	if c.closes[1012] == 0 || c.closes[1006] == 0 {
		t.Errorf("the connections ended by %v", c.closes)
	}
}

// TestLongTypeScriptClientLosesNothing kills proxies and restarts the broker, too, and runs the client on the WebSocket of the package ws.
func TestLongTypeScriptClientLosesNothing(t *testing.T) {
	const rounds = 12
	broker := kafka.RequireOwn(t, kafka.Options{})
	k := connect(t, broker.Addr())
	topic := k.compacted(3)
	p := k.serve()
	link := relayTo(t, p.main)
	c := inNode(t, use{URL: "ws://" + link.addr(), Topic: topic}, "NODE_PATH="+installed(t, "node"))
	for round := range rounds {
		c.goesOn()
		switch round % 4 {
		case 0:
			link.cut()
			continue
		case 1:
			c.restarts++
			must(t, broker.Restart(within(t, 2*patience)))
			continue
		}
		next := k.serve()
		link.lead(next.main)
		if round%4 == 2 {
			p.Kill()
		} else {
			p.terminate()
		}
		p = next
	}
	c.goesOn()
	c.judge(k)
	c.end()
}
