//go:build unix

package real

import (
	"strings"
	"testing"
	"time"
)

// TestMarksTellOfGrowth takes an hour of marks of a replica that keeps its size, but for one metric.
func TestMarksTellOfGrowth(t *testing.T) {
	const all = 60
	taken := func(metric string, grows float64) *marks {
		m := &marks{}
		for n := range all {
			one := mark{time.Unix(0, 0).Add(time.Duration(n) * time.Minute), make(map[string]float64)}
			for _, of := range marked {
				one.values[of.metric] = 100 << 20
			}
			one.values[metric] += grows * float64(n) * (100 << 20)
			m.all = append(m.all, one)
		}
		return m
	}
	for _, of := range marked {
		grown, judged := taken(of.metric, 0.05).grown()
		if !judged || len(grown) != 1 || !strings.HasPrefix(grown[0], of.title+":") {
			t.Errorf("%s grows: told is %q, and it is judged: %v", of.metric, grown, judged)
		}
		if grown, judged := taken(of.metric, 0.005).grown(); !judged || len(grown) > 0 {
			t.Errorf("%s hardly grows: told is %q, and it is judged: %v", of.metric, grown, judged)
		}
	}
	few := taken("go_goroutines", 1)
	few.all = few.all[:fewMarks]
	if grown, judged := few.grown(); judged || len(grown) > 0 {
		t.Errorf("of few marks: told is %q", grown)
	}
}
