package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Error is what the proxy says is wrong with a message, a request or a connection. Find it with errors.As.
type Error struct {
	Code      string // such as TOPIC_NOT_FOUND; empty where a connection ended without one
	Message   string // one sentence, from the proxy
	Retriable bool   // whether the same can succeed later
	Status    int    // of the HTTP answer, where a connection was refused
	Close     int    // the close code, where one was ended

	after time.Duration // before which it is no use to try again
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Message
	if e.Code != "" {
		text = e.Code + ": " + text
	}
	switch {
	case e.Close != 0:
		return text + " (close code " + strconv.Itoa(e.Close) + ")"
	case e.Status != 0:
		return text + " (status " + strconv.Itoa(e.Status) + ")"
	}
	return text
}

var (
	// ErrClosed is the error for what is asked of a Producer that was closed, and for messages that had not been
	// answered by then: they may have been written.
	ErrClosed = errors.New("the producer was closed")
	// ErrNotHeld is the error for a commit, or an acknowledgement, of a record of a connection that has ended: the record will be
	// delivered again, here or elsewhere, unless it was settled before.
	ErrNotHeld = errors.New("the connection that delivered the record has ended, and the record will be delivered again")
	// errSilent is the error for a connection on which nothing came, though the client asked.
	errSilent = errors.New("the proxy has been silent for too long")
)

// kindOfClose is what a close code tells where no error frame came before it.
func kindOfClose(code proxy.CloseCode) (kind proxy.Kind, known bool) {
	switch code {
	case proxy.CloseBadParameter:
		return proxy.KindInvalidParameter, true
	case proxy.CloseNotAuthenticated:
		return proxy.KindNotAuthenticated, true
	case proxy.CloseNotAuthorized:
		return proxy.KindNotAuthorized, true
	case proxy.CloseTopicNotFound:
		return proxy.KindTopicNotFound, true
	case proxy.CloseReplaced:
		return proxy.KindDuplicateClient, true
	case proxy.CloseLimitReached:
		return proxy.KindLimitReached, true
	case proxy.CloseServiceRestart:
		return proxy.KindShuttingDown, true
	case proxy.CloseTryAgainLater:
		return proxy.KindOverloaded, true
	case proxy.CloseMessageTooBig:
		return proxy.KindMessageTooLarge, true
	case proxy.CloseInternal:
		return proxy.KindInternal, true
	}
	return proxy.KindInternal, false
}

// isInVain tells whether another connection would end as this one did.
func isInVain(err error) bool {
	var hook *hookError
	if errors.Is(err, context.Canceled) || isBadCertificate(err) || errors.As(err, &hook) {
		return true
	}
	var e *Error
	if !errors.As(err, &e) {
		return false // the network
	}
	switch {
	case e.Close != 0:
		return isFinal(proxy.CloseCode(e.Close))
	case e.Status != 0:
		return !e.Retriable
	}
	return true
}

// isFinal tells of a close code whether the client must change something, or stop, before it connects again.
func isFinal(code proxy.CloseCode) bool {
	switch code {
	case proxy.CloseProtocolError, proxy.CloseInvalidPayload, proxy.ClosePolicyViolation, proxy.CloseMessageTooBig,
		proxy.CloseBadParameter, proxy.CloseNotAuthenticated, proxy.CloseNotAuthorized, proxy.CloseTopicNotFound, proxy.CloseReplaced:
		return true
	}
	return false
}

func isBadCertificate(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}

// isTokenRefused tells whether another token may help.
func isTokenRefused(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Close == int(proxy.CloseNotAuthenticated))
}

// hasCloseCode tells whether a connection was ended with a code.
func hasCloseCode(err error, code proxy.CloseCode) bool {
	var e *Error
	return errors.As(err, &e) && e.Close == int(code)
}

// closeError returns why a connection has ended. last is the error frame that came at the end, or nil.
func closeError(err error, last *Error) error {
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		return err
	}
	e := &Error{Message: closed.Reason, Close: int(closed.Code)}
	kind, known := kindOfClose(proxy.CloseCode(closed.Code))
	switch {
	case last != nil:
		e.Code, e.Message, e.Retriable = last.Code, last.Message, last.Retriable
	case known:
		e.Code, e.Retriable = kind.String(), kind.Class().Retriable
	}
	if e.Message == "" {
		e.Message = "the proxy has ended the connection"
	}
	return e
}
