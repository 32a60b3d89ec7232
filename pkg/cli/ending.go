package cli

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// exitError gives an error an exit code.
type exitError struct {
	error

	code int
}

func (e exitError) Unwrap() error { return e.error }

// refused marks that messages were not written, or a command of work has failed: the connection was fine.
func refused(err error) error { return exitError{err, exitRefused} }

// ended returns the error with which a client's command ends.
func ended(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE): // who reads the output has enough
		return nil
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitError{errors.New("wsproxy: interrupted"), exitInterrupted}
	}
	return advised(err)
}

// advised says what to do about an error.
func advised(err error) error {
	var e *client.Error
	var network *net.OpError
	switch {
	case errors.As(err, &e):
	case errors.As(err, &network) && network.Op == "dial":
		return adviceError{err, "Does a proxy run there? --url, a profile or " + urlVariable + " says where; wsproxy dev runs one at ws://localhost:8078."}
	default:
		return err
	}
	isEvicted := e.Close != 0 && strings.Contains(e.Message, "administrator") // another name would not help
	if advice := adviceFor(e.Code); advice != "" && !isEvicted {
		return adviceError{err, advice}
	}
	return err
}

// adviceError is an error with what to do about it.
type adviceError struct {
	error

	advice string
}

func (e adviceError) Error() string { return e.error.Error() + "\n" + e.advice }

func (e adviceError) Unwrap() error { return e.error }

func adviceFor(code string) string {
	switch code {
	case "NOT_AUTHENTICATED":
		return "Give credentials: --user NAME:PASSWORD, --token, --token-file, --token-command, --profile or an entry in ~/.netrc."
	case "NOT_AUTHORIZED":
		return "Whoever runs the proxy can allow it: in its policy, in WSPROXY_ALLOWED_TOPICS or _GROUPS, or by ACLs at Kafka."
	case "TOPIC_NOT_FOUND":
		return "The proxy creates no topics: create it at Kafka, or correct --topic."
	case "DUPLICATE_CLIENT":
		return "Another connection has this name: give another --client-id."
	}
	return ""
}
