package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
)

// self is this program once more, with a command that goes on until its standard input ends.
type self struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	output *bufio.Reader
}

// startSelf starts a command. It must be stopped. The end of ctx kills it.
func startSelf(ctx context.Context, command ...string) (*self, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &self{cmd: exec.CommandContext(ctx, program, command...)}
	s.cmd.Stderr = os.Stderr
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.output = bufio.NewReader(output)
	return s, s.cmd.Start()
}

// line waits for the next line that the command prints.
func (s *self) line() (string, error) {
	line, err := s.output.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (s *self) pid() int { return s.cmd.Process.Pid }

func (s *self) stop() error { return errors.Join(s.input.Close(), s.cmd.Wait()) }
