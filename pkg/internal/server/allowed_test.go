package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestOrigin(t *testing.T) {
	for name, test := range map[string]struct {
		allowed []string
		origin  string
		want    bool
	}{
		"no browser":                      {nil, "", true},
		"same host":                       {nil, "https://proxy.example.com:8078", true},
		"same host in capitals":           {nil, "https://PROXY.example.com:8078", true},
		"same name, other port":           {nil, "https://proxy.example.com", false},
		"another host":                    {nil, "https://example.com", false},
		"a page from a file":              {nil, "null", false},
		"null, although all are allowed":  {[]string{"*"}, "null", false},
		"not a URL":                       {[]string{"*"}, "://", false},
		"all":                             {[]string{"*"}, "http://anything:1", true},
		"host, any scheme and port":       {[]string{"a.com"}, "http://a.com:99", true},
		"host with port":                  {[]string{"a.com:99"}, "http://a.com:99", true},
		"host with another port":          {[]string{"a.com:99"}, "http://a.com:98", false},
		"host with a port, none given":    {[]string{"a.com:99"}, "http://a.com", false},
		"scheme":                          {[]string{"https://a.com"}, "https://a.com", true},
		"another scheme":                  {[]string{"https://a.com"}, "http://a.com", false},
		"one part":                        {[]string{"*.a.com"}, "https://x.a.com", true},
		"one part, and a scheme":          {[]string{"https://*.a.com"}, "https://x.a.com", true},
		"one part with a port":            {[]string{"*.a.com:8443"}, "https://x.a.com:8443", true},
		"two parts for one":               {[]string{"*.a.com"}, "https://x.y.a.com", false},
		"no part for one":                 {[]string{"*.a.com"}, "https://a.com", false},
		"a part in the middle":            {[]string{"x.*.com"}, "https://x.b.com", true},
		"not a prefix of a part":          {[]string{"*.a.com"}, "https://x.evil-a.com", false},
		"not a suffix":                    {[]string{"a.com"}, "https://a.com.evil.org", false},
		"a dot is a dot":                  {[]string{"a.com"}, "https://axcom", false},
		"second of the list":              {[]string{"b.com", "A.com"}, "https://a.COM", true},
		"any host of one scheme":          {[]string{"https://*"}, "https://x.y.z:1", true},
		"any host of one scheme, another": {[]string{"https://*"}, "http://x.y.z:1", false},
		"any host of one port":            {[]string{"*:8443"}, "https://x.y.z:8443", true},
		"any host of another port":        {[]string{"*:8443"}, "https://x.y.z", false},
		"IPv6":                            {[]string{"[::1]"}, "http://[::1]:8080", true},
		"IPv6 with port":                  {[]string{"[::1]:8080"}, "http://[::1]:8080", true},
		"IPv6 with another port":          {[]string{"[::1]:8080"}, "http://[::1]:8081", false},
		"IPv6 without brackets":           {[]string{"::1"}, "http://[::1]:8080", true},
		"the scheme's own port":           {[]string{"https://a.com:443"}, "https://a.com", true},
		"the other scheme's port":         {[]string{"a.com:443"}, "http://a.com", false},
		"user info is not the host":       {[]string{"a.com"}, "https://a.com@evil.org", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Server{Config: &config.Config{Sockets: config.Sockets{AllowedOrigins: test.allowed}}}
			r := httptest.NewRequest(http.MethodGet, "http://proxy.example.com:8078/socket/in", nil)
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			e := s.checkOrigin(r)
			if (e == nil) != test.want {
				t.Fatalf("got %v", e)
			}
			if e != nil && e.Kind != proxy.KindNotAuthorized {
				t.Errorf("refused as %s", e.Kind)
			}
		})
	}
}

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
		"one underscore":                 {[]string{"*"}, []string{"*"}, "_t", "g", true},
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
