package kafka

import (
	"context"
	"errors"
	"fmt"
)

// Kill ends the broker as a crash does (SIGKILL) and returns when it has ended. Its data
// stays for Restart.
func (b *Broker) Kill() error {
	return b.control("killing Kafka", (*process).kill)
}

// Stop has the broker shut down (SIGTERM), and returns when it has ended. One that takes
// longer than 30 s is killed, which is an error. Its data stays for Restart.
func (b *Broker) Stop() error {
	return b.control("stopping Kafka", (*process).stop)
}

// Pause freezes the broker (SIGSTOP): connections stay open, and from its return on nothing is
// answered.
func (b *Broker) Pause() error { return b.control("pausing Kafka", (*process).pause) }

// Resume lets a paused broker go on (SIGCONT).
func (b *Broker) Resume() error {
	return b.control("resuming Kafka", func(p *process) error { return p.signal(signalContinue) })
}

// Restart starts the broker again with the same address and data, and returns when it
// serves. It stops one that runs. After Kill it takes up to 4 s longer, until the
// controller has given up the broker's old session.
func (b *Broker) Restart(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.restart(ctx); err != nil {
		return fmt.Errorf("restarting Kafka: %w", err)
	}
	return nil
}

func (b *Broker) restart(ctx context.Context) error {
	if b.node == nil {
		return ErrExternal
	}
	if b.closed {
		return ErrNotRunning
	}
	if b.proc.running() {
		if err := b.proc.stop(); err != nil {
			return err
		}
	}
	p, err := b.node.launch(ctx, b.node.inst.useArchive())
	if err != nil {
		return err
	}
	b.proc = p
	return nil
}

// Close kills the broker and removes what it kept, but for a data folder given in
// [Options]. A second call does nothing, as does one for a broker that is not ours.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.node == nil || b.closed {
		return nil
	}
	b.closed = true
	var errs []error
	if b.proc != nil && b.proc.running() {
		errs = append(errs, b.proc.kill())
	}
	errs = append(errs, b.run.remove())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing Kafka: %w", err)
	}
	return nil
}

// control does something to the running process.
func (b *Broker) control(what string, do func(*process) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.node == nil {
		return fmt.Errorf("%s: %w", what, ErrExternal)
	}
	if b.proc == nil || !b.proc.running() {
		return fmt.Errorf("%s: %w", what, ErrNotRunning)
	}
	if err := do(b.proc); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
