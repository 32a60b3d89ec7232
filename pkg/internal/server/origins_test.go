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
		"same host, list of others":       {[]string{"https://app.example.com"}, "https://proxy.example.com:8078", false},
		"same host":                       {nil, "https://proxy.example.com:8078", true},
		"same host in capitals":           {nil, "https://PROXY.example.com:8078", true},
		"same name, other port":           {nil, "https://proxy.example.com", false},
		"another host":                    {nil, "https://example.com", false},
		"a page from a file":              {nil, "null", false},
		"null, all are allowed":           {[]string{"*"}, "null", true},
		"null by name":                    {[]string{"a.com", "null"}, "null", true},
		"null beside the list":            {[]string{"*.com"}, "null", false},
		"a file, all are allowed":         {[]string{"*"}, "file://", true},
		"a file by name":                  {[]string{"file://"}, "file://", true},
		"a file beside the list":          {[]string{"https://*"}, "file://", false},
		"an app by name":                  {[]string{"capacitor://localhost"}, "capacitor://localhost", true},
		"an app, all are allowed":         {[]string{"*"}, "capacitor://localhost", true},
		"an app by host alone":            {[]string{"localhost"}, "capacitor://localhost", false},
		"another app's scheme":            {[]string{"ionic://localhost"}, "capacitor://localhost", false},
		"an app's dot":                    {[]string{"app://."}, "app://.", true},
		"an app without a list":           {nil, "capacitor://proxy.example.com:8078", false},
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

// TestOriginOfTheSameHost compares origins with hosts, where there is no list.
func TestOriginOfTheSameHost(t *testing.T) {
	for name, test := range map[string]struct {
		host, origin string
		want         bool
	}{
		"no ports":                           {"a.com", "https://a.com", true},
		"the scheme's port at the host":      {"a.com:443", "https://a.com", true},
		"the scheme's port at the origin":    {"a.com", "https://a.com:443", true},
		"plain":                              {"a.com:80", "http://a.com", true},
		"TLS that ended before this proxy":   {"a.com:80", "https://a.com", true},
		"a port of its own":                  {"a.com:8078", "http://a.com:8078", true},
		"another port":                       {"a.com:8078", "http://a.com:3000", false},
		"a port at the host alone":           {"a.com:8078", "http://a.com", false},
		"a port at the origin alone":         {"a.com", "http://a.com:3000", false},
		"IPv6":                               {"[::1]:8078", "http://[::1]:8078", true},
		"IPv6 without ports":                 {"[::1]", "http://[::1]", true},
		"another name":                       {"a.com", "https://b.com", false},
		"nothing":                            {"", "https://", false},
		"nothing but the scheme of an app":   {"", "app://", false},
		"user info that looks like the host": {"a.com", "https://a.com@b.com", false},
	} {
		s := &Server{Config: new(config.Config)}
		r := httptest.NewRequest(http.MethodGet, "/socket/in", nil)
		r.Host = test.host
		r.Header.Set("Origin", test.origin)
		if e := s.checkOrigin(r); (e == nil) != test.want {
			t.Errorf("%s: got %v", name, e)
		}
	}
}
