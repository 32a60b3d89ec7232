package admin

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// clientsOf returns the clients of closes.
func clientsOf(list []Close) (clients []string) {
	for _, c := range list {
		clients = append(clients, string(c.Client))
	}
	return clients
}

func TestClosesAreSelected(t *testing.T) {
	var c Closes
	c.Add(Close{Client: "a", Group: "g", Topic: "t", Code: proxy.CloseNormal})
	c.Add(Close{Client: "b", Topic: "t,u", Code: proxy.CloseReplaced})
	c.Add(Close{Client: "a", Group: "h", Topic: "u", Code: 4999})
	for name, test := range map[string]struct {
		which ListedCloses
		want  []string
	}{
		"all":                    {ListedCloses{}, []string{"a", "b", "a"}},
		"the newest":             {ListedCloses{Limit: 2}, []string{"a", "b"}},
		"of a client":            {ListedCloses{Client: "b"}, []string{"b"}},
		"of a group":             {ListedCloses{Group: "g"}, []string{"a"}},
		"of a topic among some":  {ListedCloses{Topic: "t"}, []string{"b", "a"}},
		"of a client in a topic": {ListedCloses{Client: "a", Topic: "u"}, []string{"a"}},
		"of nobody":              {ListedCloses{Client: "x"}, nil},
	} {
		if got := clientsOf(c.All(test.which)); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got := c.All(ListedCloses{Limit: 1})[0].Meaning; got != "A code of the client's own." {
		t.Errorf("4999 means %q", got)
	}
}

// TestClosesAreBounded adds more than are kept, and looks for the newest ones in their order.
func TestClosesAreBounded(t *testing.T) {
	var c Closes
	const more = closesKept + closesKept/2
	var want []string
	for i := range more {
		c.Add(Close{Client: proxy.ClientID(fmt.Sprint(i))})
		want = append(want, fmt.Sprint(i))
	}
	want = want[more-closesKept:]
	slices.Reverse(want)
	if got := clientsOf(c.All(ListedCloses{})); !slices.Equal(got, want) {
		t.Errorf("got %d from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

// TestClosesAreNotShared keeps a list while others are added.
func TestClosesAreNotShared(t *testing.T) {
	var c Closes
	for range closesKept {
		c.Add(Close{Client: "before"})
	}
	list := c.All(ListedCloses{})
	c.Add(Close{Client: "after"})
	if slices.Contains(clientsOf(list), "after") {
		t.Error("a list has changed")
	}
}
