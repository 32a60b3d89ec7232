package kafka

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

const (
	// waitDelay bounds the wait for the output of a program that has ended.
	waitDelay = 5 * time.Second

	// stopTimeout is how long a broker may take to stop; it takes one or two seconds.
	stopTimeout = 30 * time.Second
)

// process is a program that runs in the background.
type process struct {
	cmd    *exec.Cmd
	output io.Closer     // closed when the program has ended
	done   chan struct{} // closed when the program has ended
}

func startProcess(cmd *exec.Cmd, output io.Closer) (*process, error) {
	p := &process{cmd: cmd, output: output, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the program and waits for its end. It keeps its thread for all that time,
// because the program dies with the thread that started it.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer p.output.Close()
	dieWithParent(p.cmd)
	p.cmd.WaitDelay = waitDelay
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // how it ended is in cmd.ProcessState
	close(p.done)
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends a signal; that the program has just ended is no error.
func (p *process) signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// pause stops the program, and returns when nothing of it runs.
func (p *process) pause() error {
	if err := p.signal(signalPause); err != nil || !p.running() {
		return err
	}
	return awaitPaused(p.cmd.Process.Pid)
}

// kill ends the program at once and returns when it has ended.
func (p *process) kill() error {
	if err := p.signal(os.Kill); err != nil {
		return err
	}
	<-p.done
	return nil
}

// stop asks the program to end and waits until it has; after stopTimeout it is killed.
func (p *process) stop() error {
	// A paused program does not see the signal before it goes on.
	if err := errors.Join(p.signal(signalStop), p.signal(signalContinue)); err != nil {
		return err
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("no end after %v, so it was killed", stopTimeout), p.kill())
	}
}
