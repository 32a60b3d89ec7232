package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// peers are other replicas whose reports a test gives.
type peers struct {
	reports session.Reports
	asked   session.Question
}

func (p *peers) Ask(_ context.Context, q session.Question) session.Reports {
	p.asked = q
	return p.reports
}

// TestFiguresOfOtherReplicasAreShown beside those of this one, for the sessions that were asked for.
func TestFiguresOfOtherReplicasAreShown(t *testing.T) {
	p := &peers{reports: session.Reports{
		All: []session.Report{
			{Replica: "s", Body: []byte(`{"sessions":{"2":{"records":0,"lag":4,"held":1},"x":{"lag":9}},"tails":{"t":3}}`)},
			{Replica: "broken", Body: []byte(`[`)},
		},
		Silent: []string{"z"},
	}}
	list := []session.Info{
		{ID: "1", Replica: "r", Holder: reading{records: 7, lag: 2, known: true}}, {ID: "2", Replica: "s"}, {ID: "3", Replica: "z"},
	}
	row := func(id, replica, more string) string {
		return fmt.Sprintf(`{"id":%q,"kind":"","client":"","topic":"","replica":%q,"since":"0001-01-01T00:00:00Z"%s}`, id, replica, more)
	}
	rows := row("1", "r", `,"records":7,"lag":2`) + "," + row("2", "s", `,"records":0,"lag":4,"held":1`) + "," + row("3", "z", "")
	for name, test := range map[string]struct {
		which session.Filter
		more  bool
		tails string
		asked bool
	}{
		"all":              {session.Filter{}, false, `,{"kind":"tail","topic":"t","replica":"r","connections":1},{"kind":"tail","topic":"t","replica":"s","connections":3}`, true},
		"of a replica":     {session.Filter{Replica: "s"}, false, `,{"kind":"tail","topic":"t","replica":"s","connections":3}`, true},
		"of a group":       {session.Filter{Group: "g"}, false, ``, false},
		"with a next page": {session.Filter{}, true, ``, false},
	} {
		s := Sessions{Registry: registry{list: list, more: test.more}, Peers: p, Tails: func() map[string]int { return map[string]int{"t": 1} }, Replica: "r"}
		all, err := s.WithFigures(t.Context(), test.which)
		checkAnswer(t, name, all, err, "["+rows+test.tails+"]")
		if answer, _ := all.(Answer); !slices.Equal(answer.SilentReplicas, []string{"broken", "z"}) || (answer.Next == "3") != test.more {
			t.Errorf("%s: silent are %q, and next is %q", name, answer.SilentReplicas, answer.Next)
		}
		if !slices.Equal(p.asked.Sessions, []string{"2", "3"}) || (p.asked.Tails != nil) != test.asked || p.asked.Closes != nil {
			t.Errorf("%s: %+v was asked", name, p.asked)
		}
	}
}

// TestClosesOfAllReplicasAreMerged by their times, and cut to the limit.
func TestClosesOfAllReplicasAreMerged(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 11, 30, 18, 0, second, 0, time.UTC) }
	var c Closes
	c.Add(Close{Client: "one", Replica: "r", At: at(1)})
	c.Add(Close{Client: "three", Replica: "r", At: at(3)})
	body, err := json.Marshal(report{Closes: []Close{{Client: "four", At: at(4), Code: 4409, Replica: "forged"}, {Client: "two", At: at(2), Code: 4998}}})
	if err != nil {
		t.Fatal(err)
	}
	p := &peers{reports: session.Reports{All: []session.Report{{Replica: "s", Body: body}}, Silent: []string{"z"}}}
	answer := c.Everywhere(t.Context(), ListedCloses{Limit: 3}, p)
	got, _ := answer.Body.([]Close)
	if len(got) != 3 || !slices.Equal(clientsOf(got), []string{"four", "three", "two"}) || got[0].Replica != "s" || got[0].Meaning != meanings()[4409] || got[2].Meaning == "" {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(answer.SilentReplicas, []string{"z"}) || *p.asked.Closes != (session.EndsOfWhom{Limit: 3}) {
		t.Errorf("silent are %q, asked was %+v", answer.SilentReplicas, p.asked.Closes)
	}
}

// TestReportsTellWhatIsAsked and no more.
func TestReportsTellWhatIsAsked(t *testing.T) {
	var c Closes
	c.Add(Close{Client: "a", Topic: "t"})
	c.Add(Close{Client: "b", Topic: "t", Meaning: "left out"})
	r := Reporter{Closes: &c, Tails: func() map[string]int { return map[string]int{"t": 2, "u": 1} }}
	held := map[string]session.Holder{"1": reading{records: 5}, "2": working{held: 0}}
	ended := func(client string) string {
		return fmt.Sprintf(`{"endpoint":"","client":%q,"topic":"t","replica":"","code":0,"meaning":"","records":0,"since":"0001-01-01T00:00:00Z","at":"0001-01-01T00:00:00Z"}`, client)
	}
	for name, test := range map[string]struct {
		q    session.Question
		held map[string]session.Holder
		want string
	}{
		"nothing":    {session.Question{}, nil, `{}`},
		"sessions":   {session.Question{}, held, `{"sessions":{"1":{"records":5},"2":{"held":0}}}`},
		"a topic":    {session.Question{Tails: &session.TailsOfWhat{Topic: "u"}}, nil, `{"tails":{"u":1}}`},
		"all topics": {session.Question{Tails: &session.TailsOfWhat{}}, nil, `{"tails":{"t":2,"u":1}}`},
		"a client":   {session.Question{Closes: &session.EndsOfWhom{Client: "a", Limit: 9}}, nil, `{"closes":[` + ended("a") + `]}`},
		"the newest": {session.Question{Closes: &session.EndsOfWhom{Limit: 1}}, nil, `{"closes":[` + ended("b") + `]}`},
	} {
		if got := string(r.Report(test.q, test.held)); got != test.want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// TestReportsHaveRoomForTheNewest: the longest of all closes, topics and ids keep a report within its bound.
func TestReportsHaveRoomForTheNewest(t *testing.T) {
	var c Closes
	for i := range 100 {
		c.Add(Close{Client: proxy.ClientID(fmt.Sprint(i)), Topic: strings.Repeat("t,", 2000), Reason: strings.Repeat("<", 123)})
	}
	counts, held := make(map[string]int), make(map[string]session.Holder)
	for i := range 2 * session.MostAsked {
		counts[fmt.Sprintf("%0249d", i)] = 1
		if len(held) < session.MostAsked {
			held[fmt.Sprintf("%030d", i)] = reading{records: 1 << 62, lag: 1 << 62, known: true}
		}
	}
	r := Reporter{Closes: &c, Tails: func() map[string]int { return counts }}
	text := r.Report(session.Question{Tails: &session.TailsOfWhat{}, Closes: &session.EndsOfWhom{Limit: 100}}, held)
	var got report
	if err := json.Unmarshal(text, &got); err != nil || len(text) > session.MostReported {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if len(got.Sessions) != session.MostAsked || len(got.Tails) < 50 || len(got.Closes) == 0 || got.Closes[0].Client != "99" {
		t.Errorf("it has %d sessions, %d topics, %d closes", len(got.Sessions), len(got.Tails), len(got.Closes))
	}
}
