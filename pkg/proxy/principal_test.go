package proxy

import (
	"testing"
)

func TestPrincipalsAreWrittenWithTheirMethod(t *testing.T) {
	for want, p := range map[string]Principal{
		"anonymous":        {},
		"user:alice":       {Method: MethodUser, Name: "alice"},
		"token:alice":      {Method: MethodToken, Name: "alice"},
		"token:user:alice": {Method: MethodToken, Name: "user:alice"},
		"cert:anonymous":   {Method: MethodCert, Name: "anonymous"},
		"kafka:":           {Method: MethodKafka},
	} {
		if got := p.String(); got != want {
			t.Errorf("%#v is written %q", p, got)
		}
		if got := p.IsAnonymous(); got != (want == "anonymous") {
			t.Errorf("%s: anonymous is %v", want, got)
		}
	}
}
