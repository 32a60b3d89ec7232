package outside

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// mostPatience is how long a new user may wait for a first message.
const mostPatience = time.Minute

// dev starts `wsproxy dev` on free ports, as make run does on its usual ones, and reads the addresses
// from its output for users.
func dev(t testing.TB, args ...string) (p *proxy, broker string) {
	t.Helper()
	p = &proxy{running: start(t, nil, append([]string{"dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0"}, args...)...)}
	listens := regexp.MustCompile(`listens on (\S+),.* Kafka broker on (\S+)\. Topic demo has 4 partitions`)
	ready := regexp.MustCompile(`http://(\S+)/readyz`)
	await(t, "dev to say where it listens", func() bool {
		if p.Ended() {
			t.Fatal("dev ended at its start")
		}
		said := p.Stdout.String()
		addresses, management := listens.FindStringSubmatch(said), ready.FindStringSubmatch(said)
		if addresses == nil || management == nil {
			return false
		}
		p.main, broker, p.management = addresses[1], addresses[2], management[1]
		return true
	})
	return p, broker
}

// TestFreshUserGetsAMessageWithinAMinute follows the instructions that dev prints, with clients that a
// user may have.
func TestFreshUserGetsAMessageWithinAMinute(t *testing.T) {
	t.Parallel()
	_, err := built.Path()
	must(t, err)
	for _, f := range foreigners() {
		t.Run(f.language, func(t *testing.T) {
			f.install(t)
			began := time.Now() // without the time that building and installing takes
			p, _ := dev(t, "--quiet")
			a := f.lines(t, `{"value":{"value":"hello"}}`, "produce", p.url("/socket/in?clientId=me&topic=demo"))
			out := f.consume(t, p.url("/socket/out?clientId=me&topic=demo"))
			r := out.next()
			took := time.Since(began)
			if len(a) != 1 || r.Topic != "demo" || r.Offset != 0 || r.Value.Value != "hello" {
				t.Errorf("written: %q, read: %+v", a, r)
			}
			if took > mostPatience {
				t.Errorf("it took %v", took)
			}
			out.stop()
			p.terminate()
			if code := p.exit(patience); code != 0 {
				t.Errorf("exit code %d", code)
			}
			t.Logf("from start to the first message produced and consumed: %v", took)
		})
	}
}

func TestDevFeedsItsTopic(t *testing.T) {
	t.Parallel()
	p, _ := dev(t)
	out := dial(t, p.url("/socket/out?clientId=me&topic=demo&valType=json"))
	r := next[record](t, out)
	if value, ok := r.Value.Value.(map[string]any); !ok || value["n"] == nil || r.Key == nil {
		t.Errorf("got %+v, value %+v", r, r.Value)
	}
}

// TestDevKeepsItsDataOverARestart also kills the program once: acknowledged messages are kept.
func TestDevKeepsItsDataOverARestart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for run, end := range []func(*proxy){
		func(p *proxy) {
			p.terminate()
			if code := p.exit(patience); code != 0 {
				t.Errorf("exit code %d", code)
			}
		},
		func(p *proxy) { p.Kill() },
		func(p *proxy) { p.terminate() },
	} {
		p, _ := dev(t, "--quiet", "--data-dir", data)
		in := dial(t, p.url("/socket/in?clientId=me&topic=demo"))
		send(t, in, fmt.Sprintf(`{"partition":0,"value":{"value":"run %d"}}`, run))
		if a := next[answer](t, in); a.Error != nil || a.Offset != int64(run) {
			t.Errorf("run %d: answered by %+v", run, a)
		}
		out := dial(t, p.url(fmt.Sprintf("/socket/out?clientId=me&groupId=run-%d&topic=demo", run)))
		for i := range run + 1 {
			if r := next[record](t, out); r.Value.Value != fmt.Sprintf("run %d", i) {
				t.Errorf("run %d: record %d is %+v", run, i, r.Value)
			}
		}
		must(t, out.Close(websocket.StatusNormalClosure, ""))
		end(p)
	}
}

func TestApachesToolsReachTheBrokerOfDev(t *testing.T) {
	t.Parallel()
	p, broker := dev(t, "--quiet")
	apache(t, "key\tfrom Apache\n", consoleProducer, "--bootstrap-server", broker, "--topic", "demo",
		"--reader-property", "parse.key=true")
	out := dial(t, p.url("/socket/out?clientId=me&groupId=g&topic=demo"))
	r := next[record](t, out)
	if r.Value.Value != "from Apache" || r.Key == nil || r.Key.Value != "key" {
		t.Errorf("got %+v", r)
	}
	readOn(t, out)
	k := connect(t, broker)
	await(t, "a commit", func() bool { return k.committed("g", "demo")[r.Partition] == 1 })
	if got := k.described("g"); got[fmt.Sprint(r.Partition)] != "1 of 1" {
		t.Errorf("Apache's tool says %v", got)
	}

	in := dial(t, p.url("/socket/in?clientId=me&topic=demo"))
	send(t, in, `{"key":{"value":"key"},"value":{"value":"from the proxy"}}`)
	if a := next[answer](t, in); a.Partition != r.Partition || a.Offset != 1 {
		t.Errorf("the same key went to %+v", a)
	}
	got := apache(t, "", consoleConsumer, "--bootstrap-server", broker, "--topic", "demo", "--from-beginning", "--max-messages", "2")
	if want := []string{"from Apache", "from the proxy"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
