//go:build linux

package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// targetVariable makes a process of this test the attackers.
const targetVariable = "ATTACKERS_TARGET"

// target is what attackers attack.
type target struct {
	Attackers       int
	Main, Secure    string // addresses
	Topic, Attacked string // Attacked is the topic that they use where they are let in
	From            string // their address
	Only            string // the name of the one attack, empty for all of them
}

// attackerProcess is the process of the attackers. It is one of its own, which yields to all others:
// attackers have machines of their own, and what they do to the one that they share with the proxy
// here is not what is judged.
type attackerProcess struct {
	command *exec.Cmd
	stdin   io.Closer
	stdout  io.Reader
}

// besiege has attackers attack until they are to leave.
func (*stage) besiege(t *testing.T, at target) *attackerProcess {
	t.Helper()
	text, err := json.Marshal(at)
	must(t, err)
	program, err := os.Executable()
	must(t, err)
	command := exec.CommandContext(t.Context(), "nice", "-n", niceness(), program)
	command.Env = append(os.Environ(), targetVariable+"="+string(text))
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	must(t, err)
	stdout, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	return &attackerProcess{command, stdin, stdout}
}

// niceness is by how much the attackers yield to the proxy.
func niceness() string {
	if given := os.Getenv("ATTACKERS_NICE"); given != "" {
		return given
	}
	return "19"
}

// leave ends the attack and returns what became of it.
func (a *attackerProcess) leave(t *testing.T) *tally {
	t.Helper()
	must(t, a.stdin.Close())
	result := &tally{}
	must(t, json.NewDecoder(a.stdout).Decode(&result.Count))
	must(t, a.command.Wait())
	return result
}

// attackUntilTold is the process of the attackers. It ends with stdin.
func attackUntilTold(text string) error {
	var at target
	if err := json.Unmarshal([]byte(text), &at); err != nil {
		return fmt.Errorf("reading %s: %w", targetVariable, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	return json.NewEncoder(os.Stdout).Encode(at.assault(ctx).Count)
}

// assault has attackers attack until ctx ends.
func (at target) assault(ctx context.Context) *tally {
	all, result := new(sync.WaitGroup), &tally{Count: map[string]map[string]int{}}
	long := strings.Repeat("x", 64<<10)
	number := 0
	for _, a := range at.attacks() {
		for range at.Attackers * a.share / 100 {
			number++
			one := &attacker{target: at, ctx: ctx, number: number, long: long}
			all.Go(func() { one.attack(a, result) })
		}
	}
	all.Wait()
	return result
}

// attacks returns those that are made: all of them, or one by all attackers, who do not rest for long.
func (at target) attacks() []attack {
	all := attacks()
	if at.Only == "" {
		return all
	}
	only := all[slices.IndexFunc(all, func(a attack) bool { return a.name == at.Only })]
	only.share, only.pause = 100, time.Second
	return []attack{only}
}

// attack connects again and again. Attackers come one by one, not all at the same moment.
func (s *attacker) attack(a attack, t *tally) {
	wait := rand.N(a.pause)
	for {
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
			return
		}
		t.add(a.name, a.run(s))
		wait = a.pause/2 + rand.N(a.pause)
	}
}

// tally counts what became of the attackers' connections, by attack and outcome.
type tally struct {
	mu    sync.Mutex // guards Count
	Count map[string]map[string]int
}

func (t *tally) add(attack, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Count[attack] == nil {
		t.Count[attack] = map[string]int{}
	}
	t.Count[attack][outcome]++
}

func (t *tally) total() (n int) {
	for _, outcomes := range t.Count {
		for _, count := range outcomes {
			n += count
		}
	}
	return n
}

// String implements fmt.Stringer.
func (t *tally) String() string {
	var lines []string
	for _, attack := range slices.Sorted(maps.Keys(t.Count)) {
		lines = append(lines, fmt.Sprintf("  %s: %v", attack, t.Count[attack]))
	}
	return strings.Join(lines, "\n")
}
