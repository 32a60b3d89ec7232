package kafka

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// pauseTimeout is how long the threads of a program may take to stop.
	pauseTimeout = 10 * time.Second
	pausePoll    = time.Millisecond
)

// awaitPaused waits until all threads of a program have stopped: on a busy machine some go on for a
// while after the signal, and may still answer.
func awaitPaused(pid int) error {
	deadline := time.Now().Add(pauseTimeout)
	poll := time.NewTicker(pausePoll)
	defer poll.Stop()
	for !isPaused(pid) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d has not stopped after %v", pid, pauseTimeout)
		}
		<-poll.C
	}
	return nil
}

// isPaused tells whether all threads are in state T (proc(5)). The state follows the thread's name,
// which is in parentheses and may hold anything.
func isPaused(pid int) bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid)) // the pattern is valid
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		if _, state, ok := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") ")); !ok || state[0] != 'T' {
			return false
		}
	}
	return true
}
