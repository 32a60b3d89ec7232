package trace

import (
	"strings"
	"testing"
)

func TestOnAndOff(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"
	for name, test := range map[string]struct {
		environ []string
		want    string // the URL, empty where there are no traces
	}{
		"nothing":                      {nil, ""},
		"other variables":              {[]string{"WSPROXY_PORT=1", "OTEL_SERVICE_NAME=x", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, ""},
		"endpoint":                     {[]string{endpoint}, "http://c:4318/v1/traces"},
		"endpoint with a path":         {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://c/otlp/"}, "https://c/otlp/v1/traces"},
		"endpoint of traces":           {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:1/x"}, "http://t:1/x"},
		"both endpoints":               {[]string{endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:1"}, "http://t:1"},
		"exporter":                     {[]string{"OTEL_TRACES_EXPORTER=otlp"}, "http://localhost:4318/v1/traces"},
		"exporter and endpoint":        {[]string{"OTEL_TRACES_EXPORTER=otlp", endpoint}, "http://c:4318/v1/traces"},
		"no exporter":                  {[]string{"OTEL_TRACES_EXPORTER=none", endpoint}, ""},
		"disabled":                     {[]string{"OTEL_SDK_DISABLED=True", endpoint}, ""},
		"disabled, and nonsense":       {[]string{"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=x"}, ""},
		"not disabled":                 {[]string{"OTEL_SDK_DISABLED=false", endpoint}, "http://c:4318/v1/traces"},
		"empty variables are as none":  {[]string{"OTEL_TRACES_EXPORTER=", "OTEL_EXPORTER_OTLP_ENDPOINT= ", "OTEL_SDK_DISABLED="}, ""},
		"empty variables beside value": {[]string{endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=", "OTEL_TRACES_SAMPLER="}, "http://c:4318/v1/traces"},
		"protobuf":                     {[]string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, "http://c:4318/v1/traces"},
		"json":                         {[]string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"}, "http://c:4318/v1/traces"},
		"protocol of traces wins":      {[]string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf"}, "http://c:4318/v1/traces"},
		"headers":                      {[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=api-key=a%20b, x=y"}, "http://c:4318/v1/traces"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := read(test.environ)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if s != nil {
				got = s.endpoint
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"
	for name, test := range map[string]struct {
		environ []string
		want    []string // the beginning of each line
	}{
		"exporter":           {[]string{"OTEL_TRACES_EXPORTER=zipkin"}, []string{`OTEL_TRACES_EXPORTER: "zipkin" is none of`}},
		"several exporters":  {[]string{"OTEL_TRACES_EXPORTER=otlp,console"}, []string{"OTEL_TRACES_EXPORTER: "}},
		"protocol":           {[]string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, []string{`OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is none of`}},
		"protocol of traces": {[]string{endpoint, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc"}, []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "}},
		"no scheme":          {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=c:4318"}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL"}},
		"no host":            {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://:4318"}, []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must be a URL"}},
		"not a URL":          {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://hunter2\x7f"}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL"}},
		"password":           {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://u:hunter2@c"}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT: must not hold a user"}},
		"query":              {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c?key=hunter2"}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT: must not hold a user or a query"}},
		"header":             {[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=Bearer hunter2"}, []string{"OTEL_EXPORTER_OTLP_HEADERS: must be name=value"}},
		"header's name":      {[]string{endpoint, "OTEL_EXPORTER_OTLP_TRACES_HEADERS=a b=hunter2"}, []string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS: "}},
		"header's value":     {[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=a=hunter2%"}, []string{"OTEL_EXPORTER_OTLP_HEADERS: "}},
		"sampler":            {[]string{endpoint, "OTEL_TRACES_SAMPLER=jaeger_remote"}, []string{`OTEL_TRACES_SAMPLER: "jaeger_remote" is none of`}},
		"ratio":              {[]string{endpoint, "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=2"}, []string{`OTEL_TRACES_SAMPLER_ARG: "2" is not`}},
		"not a number":       {[]string{endpoint, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=NaN"}, []string{"OTEL_TRACES_SAMPLER_ARG: "}},
		"all at once": {
			[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=x", "OTEL_TRACES_SAMPLER=x", "OTEL_EXPORTER_OTLP_PROTOCOL=x", "OTEL_EXPORTER_OTLP_HEADERS=x"},
			[]string{"OTEL_EXPORTER_OTLP_ENDPOINT: ", "OTEL_TRACES_SAMPLER: ", "OTEL_EXPORTER_OTLP_PROTOCOL: ", "OTEL_EXPORTER_OTLP_HEADERS: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := read(test.environ)
			if s != nil || err == nil {
				t.Fatalf("got %+v, %v", s, err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("got\n%v", err)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d is %q, want %q", i, lines[i], want)
				}
			}
		})
	}
}

func TestSamplers(t *testing.T) {
	for name, test := range map[string]struct{ sampler, arg, want string }{
		"default":        {"", "", "ParentBased{root:AlwaysOnSampler"},
		"without an arg": {"", "7", "ParentBased{root:AlwaysOnSampler"},
		"always":         {"always_on", "", "AlwaysOnSampler"},
		"never":          {"always_off", "", "AlwaysOffSampler"},
		"ratio":          {"traceidratio", "0.25", "TraceIDRatioBased{0.25}"},
		"ratio of one":   {"traceidratio", "", "TraceIDRatioBased{1}"},
		"parent, always": {"parentbased_always_on", "", "ParentBased{root:AlwaysOnSampler"},
		"parent, never":  {"parentbased_always_off", "", "ParentBased{root:AlwaysOffSampler"},
		"parent, ratio":  {"PARENTBASED_TRACEIDRATIO", "0.5", "ParentBased{root:TraceIDRatioBased{0.5}"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := read([]string{"OTEL_TRACES_EXPORTER=otlp", samplerVariable + "=" + test.sampler, samplerArgVariable + "=" + test.arg})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.sampler.Description(); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
