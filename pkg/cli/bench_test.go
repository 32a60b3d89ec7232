package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestAProxyIsMeasured while there are records of others, and of an earlier run, in the topic.
func TestAProxyIsMeasured(t *testing.T) {
	develop(t, "t")
	succeed(t, "1\n2\n", "produce", "-t", "t")
	for range 2 {
		var results []struct {
			Name         string
			Records      int
			Rate         float64 `json:"recordsPerSecond"`
			Milliseconds map[string]float64
		}
		text := succeed(t, "", "bench", "-t", "t", "-J", "--messages", "3000", "--paced", "50", "--size", "300")
		if err := json.Unmarshal([]byte(text), &results); err != nil || len(results) != 4 {
			t.Fatalf("%v: %s", err, text)
		}
		for i, records := range []int{3000, 3000, 50, 50} {
			r := results[i]
			if r.Records != records || r.Rate <= 0 || i != 1 && (r.Milliseconds["p50"] <= 0 || r.Milliseconds["max"] < r.Milliseconds["p99"]) {
				t.Errorf("got %+v", r)
			}
		}
		if rate := results[2].Rate; rate > 1100 {
			t.Errorf("it writes at %v a second, and not at 1000", rate)
		}
	}
	if got := succeed(t, "", "consume", "-t", "t", "-e", "-f", "%S\n"); strings.Count(got, "300\n") != 6100 {
		t.Errorf("the topic has %d of its records", strings.Count(got, "300\n"))
	}
}

func TestMeasuringThatFails(t *testing.T) {
	develop(t, "t")
	for name, test := range map[string]struct {
		args   string
		code   int
		stderr string
	}{
		"no topic":      {"", 2, "--topic"},
		"nothing":       {"-t t --messages 0 --paced 0", 2, "nothing to measure"},
		"no pace":       {"-t t --rate 0", 2, "--rate"},
		"too many":      {"-t t --messages 100000001", 2, "--messages"},
		"no size":       {"-t t --size 0", 2, "--size"},
		"another topic": {"-t other --messages 0", 1, "TOPIC_NOT_FOUND"},
		"too large":     {"-t t --size 2000000 --messages 1", 3, "MESSAGE_TOO_LARGE"},
		"nobody there":  {"-t t --url ws://127.0.0.1:1 --patience 1ms", 1, "connecting to 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, stdout, stderr := pipe(t, "", strings.Fields("bench "+test.args)...); code != test.code || stdout != "" || !strings.Contains(stderr, test.stderr) {
				t.Errorf("exit code %d, %q, %s", code, stdout, stderr)
			}
		})
	}
}
