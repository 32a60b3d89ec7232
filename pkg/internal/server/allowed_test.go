package server

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAllowed(t *testing.T) {
	for name, test := range map[string]struct {
		topics, groups []string
		topic, group   string
		want           bool
	}{
		"all":                            {[]string{"*"}, []string{"*"}, "t", "g", true},
		"no group on in":                 {[]string{"*"}, []string{"none"}, "t", "", true},
		"internal topic":                 {[]string{"*"}, []string{"*"}, "__consumer_offsets", "g", false},
		"internal topic, named":          {[]string{"__consumer_offsets"}, []string{"*"}, "__consumer_offsets", "g", false},
		"one underscore":                 {[]string{"*"}, []string{"*"}, "_t", "g", false},
		"one underscore, named":          {[]string{"a", "_t"}, []string{"*"}, "_t", "g", true},
		"one underscore, a prefix named": {[]string{"_schema*"}, []string{"*"}, "_schemas", "g", true},
		"one underscore, by a ?":         {[]string{"?schemas"}, []string{"*"}, "_schemas", "g", false},
		"one underscore, by a class":     {[]string{"[_]schemas"}, []string{"*"}, "_schemas", "g", false},
		"an underscore elsewhere":        {[]string{"*"}, []string{"*"}, "a_t", "g_", true},
		"another installation's state":   {[]string{"_*"}, []string{"*"}, "_wsproxy.b.state", "g", false},
		"the same, named":                {[]string{"_wsproxy.b.state"}, []string{"*"}, "_wsproxy.b.state", "g", false},
		"a group with an underscore":     {[]string{"*"}, []string{"*"}, "t", "_g", false},
		"such a group, named":            {[]string{"*"}, []string{"_g"}, "t", "_g", true},
		"a group of the proxy":           {[]string{"*"}, []string{"_*"}, "t", "_wsproxy.g", false},
		"internal group":                 {[]string{"*"}, []string{"*"}, "t", "__g", false},
		"the sessions' topic":            {[]string{"*"}, []string{"*"}, "state", "g", false},
		"the dynamic limits' topic":      {[]string{"*"}, []string{"*"}, "limits", "g", false},
		"topic by glob":                  {[]string{"a-*", "b.?"}, []string{"*"}, "b.1", "g", true},
		"topic beside the glob":          {[]string{"a-*", "b.?"}, []string{"*"}, "b.12", "g", false},
		"group by glob":                  {[]string{"*"}, []string{"team-*"}, "t", "team-x", true},
		"group beside the glob":          {[]string{"*"}, []string{"team-*"}, "t", "other", false},
		"a slash is a character":         {[]string{"*"}, []string{"*"}, "t", "a/b/c", true},
		"a slash in a glob":              {[]string{"*"}, []string{"a/*"}, "t", "a/b/c", true},
		"a slash beside the glob":        {[]string{"*"}, []string{"a/*"}, "t", "b/c", false},
		"a slash for a question mark":    {[]string{"*"}, []string{"a?b"}, "t", "a/b", true},
		"a malformed glob admits nobody": {[]string{"*"}, []string{"["}, "t", "[", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Server{Config: &config.Config{
				Security: config.Security{AllowedTopics: test.topics, AllowedGroups: test.groups},
				Sessions: config.Sessions{StateTopic: "state", DynamicConfigTopicName: "limits"},
			}}
			e := s.allowed(&flow{topic: test.topic, group: proxy.GroupID(test.group)})
			if (e == nil) != test.want {
				t.Fatalf("got %v", e)
			}
			if e != nil && e.Kind != proxy.KindNotAuthorized {
				t.Errorf("refused as %s", e.Kind)
			}
		})
	}
}
