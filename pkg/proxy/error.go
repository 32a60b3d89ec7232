package proxy

import (
	"errors"
	"fmt"
	"net/http"
)

// Kind is the kind of a failure. It alone determines the failure's Class, which clients see.
type Kind uint8

// The kinds of failure. Kind's zero value is KindInternal, so that an unclassified error
// discloses nothing to a client.
const (
	KindInternal Kind = iota
	KindInvalidJSON
	KindInvalidMessage
	KindInvalidValue
	KindInvalidPartition
	KindMessageTooLarge
	KindTopicNotFound
	KindNotAuthenticated
	KindNotAuthorized
	KindDuplicateClient
	KindLimitReached
	KindFenced
	KindUnknownMessageID
	KindNotAssigned
	KindCommitFailed
	KindOffsetOutOfRange
	KindKafkaUnavailable
	KindTimeout
	KindTransactionAborted
	KindShuttingDown
	KindMissingParameter
	KindInvalidParameter
	KindUpgradeRequired
	KindOverloaded
	KindNotFound
	KindMethodNotAllowed
	KindAlreadyExists
	KindGroupActive
	KindQueuesUnsupported
	KindLockExpired
	kindCount
)

// CloseCode is a WebSocket close code (RFC 6455, section 7.4).
type CloseCode uint16

// The close codes that the proxy sends, or sees.
const (
	CloseNormal           CloseCode = 1000
	CloseGoingAway        CloseCode = 1001
	CloseProtocolError    CloseCode = 1002
	CloseNoStatus         CloseCode = 1005 // never on the wire: the peer's close frame had no code
	CloseAbnormal         CloseCode = 1006 // never on the wire: the connection was cut
	CloseInvalidPayload   CloseCode = 1007
	ClosePolicyViolation  CloseCode = 1008
	CloseMessageTooBig    CloseCode = 1009
	CloseInternal         CloseCode = 1011
	CloseServiceRestart   CloseCode = 1012
	CloseTryAgainLater    CloseCode = 1013
	CloseBadParameter     CloseCode = 4400
	CloseNotAuthenticated CloseCode = 4401
	CloseNotAuthorized    CloseCode = 4403
	CloseTopicNotFound    CloseCode = 4404
	CloseReplaced         CloseCode = 4409
	CloseLimitReached     CloseCode = 4429
)

// Class is what a client sees of a kind of failure.
type Class struct {
	Code      string    // in error frames and HTTP bodies
	Status    int       // of the HTTP answer
	Close     CloseCode // of a connection that the failure ends
	Retriable bool      // whether the same message or request can succeed later
}

// Class returns the row of the one table from kinds to what clients see.
func (k Kind) Class() Class {
	table := [kindCount]Class{
		KindInternal:           {"INTERNAL", http.StatusInternalServerError, CloseInternal, true},
		KindInvalidJSON:        {"INVALID_JSON", http.StatusBadRequest, ClosePolicyViolation, false},
		KindInvalidMessage:     {"INVALID_MESSAGE", http.StatusBadRequest, ClosePolicyViolation, false},
		KindInvalidValue:       {"INVALID_VALUE", http.StatusBadRequest, CloseBadParameter, false},
		KindInvalidPartition:   {"INVALID_PARTITION", http.StatusBadRequest, CloseBadParameter, false},
		KindMessageTooLarge:    {"MESSAGE_TOO_LARGE", http.StatusRequestEntityTooLarge, CloseMessageTooBig, false},
		KindTopicNotFound:      {"TOPIC_NOT_FOUND", http.StatusBadRequest, CloseTopicNotFound, false},
		KindNotAuthenticated:   {"NOT_AUTHENTICATED", http.StatusUnauthorized, CloseNotAuthenticated, false},
		KindNotAuthorized:      {"NOT_AUTHORIZED", http.StatusForbidden, CloseNotAuthorized, false},
		KindDuplicateClient:    {"DUPLICATE_CLIENT", http.StatusConflict, CloseReplaced, false},
		KindLimitReached:       {"LIMIT_REACHED", http.StatusTooManyRequests, CloseLimitReached, true},
		KindFenced:             {"FENCED", http.StatusConflict, CloseReplaced, false},
		KindUnknownMessageID:   {"UNKNOWN_MESSAGE_ID", http.StatusBadRequest, ClosePolicyViolation, false},
		KindNotAssigned:        {"NOT_ASSIGNED", http.StatusConflict, ClosePolicyViolation, false},
		KindCommitFailed:       {"COMMIT_FAILED", http.StatusServiceUnavailable, CloseTryAgainLater, true},
		KindOffsetOutOfRange:   {"OFFSET_OUT_OF_RANGE", http.StatusBadRequest, CloseBadParameter, false},
		KindKafkaUnavailable:   {"KAFKA_UNAVAILABLE", http.StatusServiceUnavailable, CloseTryAgainLater, true},
		KindTimeout:            {"TIMEOUT", http.StatusServiceUnavailable, CloseTryAgainLater, true},
		KindTransactionAborted: {"TRANSACTION_ABORTED", http.StatusServiceUnavailable, CloseTryAgainLater, true},
		KindShuttingDown:       {"SHUTTING_DOWN", http.StatusServiceUnavailable, CloseServiceRestart, true},
		KindMissingParameter:   {"MISSING_PARAMETER", http.StatusBadRequest, CloseBadParameter, false},
		KindInvalidParameter:   {"INVALID_PARAMETER", http.StatusBadRequest, CloseBadParameter, false},
		KindUpgradeRequired:    {"UPGRADE_REQUIRED", http.StatusUpgradeRequired, CloseBadParameter, false},
		KindOverloaded:         {"OVERLOADED", http.StatusServiceUnavailable, CloseTryAgainLater, true},
		KindNotFound:           {"NOT_FOUND", http.StatusNotFound, CloseBadParameter, false},
		KindMethodNotAllowed:   {"METHOD_NOT_ALLOWED", http.StatusMethodNotAllowed, CloseBadParameter, false},
		KindAlreadyExists:      {"ALREADY_EXISTS", http.StatusConflict, CloseBadParameter, false},
		KindGroupActive:        {"GROUP_ACTIVE", http.StatusPreconditionFailed, CloseBadParameter, false},
		KindQueuesUnsupported:  {"QUEUES_UNSUPPORTED", http.StatusNotImplemented, CloseBadParameter, false},
		KindLockExpired:        {"LOCK_EXPIRED", http.StatusConflict, ClosePolicyViolation, false},
	}
	if k >= kindCount {
		return table[KindInternal]
	}
	return table[k]
}

// String returns the code of k.
func (k Kind) String() string { return k.Class().Code }

// Error is a failure that a client is told about: Kind decides the code, Message is one
// sentence for the client that names the parameter or thing.
type Error struct {
	Kind    Kind
	Message string
	Cause   error // for logs only, never for clients
}

// ErrSucceeded is the cause of a failure of a connection whose identity a newer connection has taken
// over.
var ErrSucceeded = errors.New("a newer connection has the identity")

// ErrReplaced is the cause of a failure of KindTopicNotFound where a topic of the same name exists
// again: a client that reconnects uses that one, and so the connection ends with CloseServiceRestart.
var ErrReplaced = errors.New("another topic has the name")

// Errorf makes an *Error without a cause.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an *Error with a cause that is for logs only.
func Wrap(cause error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Error implements error, for logs: the cause is part of it.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Kind.String() + ": " + e.Message
	}
	return e.Kind.String() + ": " + e.Message + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError returns the *Error in err's chain. An error without one becomes a KindInternal whose
// message does not disclose its text.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: KindInternal, Message: "The proxy failed to handle this; its log tells why.", Cause: err}
}
