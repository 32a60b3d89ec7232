package proxy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestEveryKindHasARow(t *testing.T) {
	upperSnake := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)
	seen := map[string]Kind{}
	for k := range kindCount {
		class := k.Class()
		if other, twice := seen[class.Code]; twice {
			t.Errorf("kinds %d and %d share the code %s", other, k, class.Code)
		}
		seen[class.Code] = k
		if !upperSnake.MatchString(class.Code) || class.Status < 400 || class.Status > 599 {
			t.Errorf("kind %d: code %q, status %d", k, class.Code, class.Status)
		}
		if c := class.Close; c != ClosePolicyViolation && c != CloseMessageTooBig && (c < CloseInternal || c > CloseTryAgainLater) && (c < CloseBadParameter || c > CloseLimitReached) {
			t.Errorf("%s closes with %d", class.Code, c)
		}
		if k.String() != class.Code {
			t.Errorf("%s prints %q", class.Code, k)
		}
	}
}

func TestKindClass(t *testing.T) {
	for code, test := range map[string]struct {
		kind Kind
		want Class
	}{
		"unclassified":  {Kind(200), Class{"INTERNAL", 500, 1011, true}},
		"bad message":   {KindInvalidJSON, Class{"INVALID_JSON", 400, 1008, false}},
		"limit":         {KindLimitReached, Class{"LIMIT_REACHED", 429, 4429, true}},
		"credentials":   {KindNotAuthenticated, Class{"NOT_AUTHENTICATED", 401, 4401, false}},
		"permission":    {KindNotAuthorized, Class{"NOT_AUTHORIZED", 403, 4403, false}},
		"missing topic": {KindTopicNotFound, Class{"TOPIC_NOT_FOUND", 400, 4404, false}},
		"duplicate":     {KindDuplicateClient, Class{"DUPLICATE_CLIENT", 409, 4409, false}},
		"draining":      {KindShuttingDown, Class{"SHUTTING_DOWN", 503, 1012, true}},
		"Kafka is down": {KindKafkaUnavailable, Class{"KAFKA_UNAVAILABLE", 503, 1013, true}},
		"too large":     {KindMessageTooLarge, Class{"MESSAGE_TOO_LARGE", 413, 1009, false}},
		"plain request": {KindUpgradeRequired, Class{"UPGRADE_REQUIRED", 426, 4400, false}},
		"group in use":  {KindGroupActive, Class{"GROUP_ACTIVE", 412, 4400, false}},
	} {
		t.Run(code, func(t *testing.T) {
			if got := test.kind.Class(); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestError(t *testing.T) {
	cause := errors.New("secret of the broker")
	wrapped := Wrap(cause, KindTimeout, "no answer in %d s", 10)
	if wrapped.Message != "no answer in 10 s" || !errors.Is(wrapped, cause) {
		t.Errorf("got %+v", wrapped)
	}
	if got, want := wrapped.Error(), "TIMEOUT: no answer in 10 s: secret of the broker"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Errorf(KindFenced, "x").Error(), "FENCED: x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAsError(t *testing.T) {
	known := Errorf(KindFenced, "x")
	if got := AsError(fmt.Errorf("producing: %w", known)); got != known {
		t.Errorf("got %+v, want the one in the chain", got)
	}
	cause := errors.New("secret")
	got := AsError(cause)
	if got.Kind != KindInternal || strings.Contains(got.Message, "secret") || !errors.Is(got, cause) {
		t.Errorf("got %+v", got)
	}
}
