package loadclient

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Serve does what commands say until in ends, and writes a report for each to output. All sockets end with it.
func Serve(in *os.File, output io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t := &tally{}
	p, err := newPool(t, int(in.Fd()))
	if err != nil {
		return err
	}
	commands, reports := bufio.NewReader(in), json.NewEncoder(output)
	for {
		commanded, err := p.turn()
		if err != nil {
			return err
		}
		if !commanded {
			continue
		}
		line, err := commands.ReadBytes('\n') // whole lines, so that nothing of one wakes the next turn
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a command: %w", err)
		}
		report, err := answer(ctx, t, p, line)
		if err != nil {
			return err
		}
		if err := reports.Encode(report); err != nil {
			return fmt.Errorf("writing a report: %w", err)
		}
	}
}

// answer does what a command says, and returns the report of the moment before.
func answer(ctx context.Context, t *tally, p *pool, line []byte) (Report, error) {
	var c Command
	if err := json.Unmarshal(line, &c); err != nil {
		return Report{}, fmt.Errorf("reading a command: %w", err)
	}
	r := t.snapshot(c.Mark)
	err := open(ctx, t, p, c.Open)
	return r, err
}

// open begins to open the sockets of a plan, if there is one.
func open(ctx context.Context, t *tally, p *pool, plan *Plan) error {
	switch {
	case plan == nil:
		return nil
	case len(plan.Authority) > 0:
		return openSecure(ctx, t, *plan)
	}
	return p.open(*plan)
}
