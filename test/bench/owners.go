package main

import "strings"

// owner is whose a part of the proxy's CPU is.
type owner string

const (
	kernelOwner  owner = "kernel"
	runtimeOwner owner = "Go runtime"
	tlsOwner     owner = "TLS"
	kafkaOwner   owner = "franz-go"
	roomsOwner   owner = "Kafka packages"
	codecOwner   owner = "codec"
	socketOwner  owner = "sockets, limits"
	deflateOwner owner = "deflate"
	feedOwner    owner = "feed"
	otherOwner   owner = "other"
)

// owners returns all of them, in the order of their columns.
func owners() []owner {
	return []owner{
		kernelOwner, runtimeOwner, kafkaOwner, roomsOwner, codecOwner, socketOwner, feedOwner, deflateOwner, tlsOwner, otherOwner,
	}
}

// ownerOfFrame returns whose a function is, or nothing for one that works for its caller: those of the
// standard library, the runtime and other modules.
func ownerOfFrame(function string) (owner, bool) {
	const ours = "github.com/wsproxy/kafka-websocket-proxy/pkg/"
	for _, o := range []struct {
		prefix string
		owner  owner
	}{
		{"github.com/twmb/franz-go", kafkaOwner},
		{"crypto/", tlsOwner},
		{ours + "internal/kafka", roomsOwner},
		{ours + "internal/codec", codecOwner},
		{ours + "internal/socket", socketOwner},
		{ours + "internal/limit", socketOwner},
		{ours + "internal/budget", socketOwner},
		{ours + "internal/feed", feedOwner},
		{ours + "internal/deflate", deflateOwner},
		{ours, otherOwner},
	} {
		if strings.HasPrefix(function, o.prefix) {
			return o.owner, true
		}
	}
	return "", false
}

// ownerOf returns whose the CPU of a stack is, which begins with the innermost function: the kernel's if that is a
// system call; the runtime's if it collects garbage, schedules, or waits; else that of the innermost function that is
// not part of a library.
func ownerOf(stack []string) owner {
	switch {
	case strings.HasPrefix(stack[0], "internal/runtime/syscall") || strings.HasPrefix(stack[0], "runtime.futex") ||
		strings.HasPrefix(stack[0], "runtime.epoll"):
		return kernelOwner
	case collects(stack):
		return runtimeOwner
	}
	for _, function := range stack {
		if o, ok := ownerOfFrame(function); ok {
			return o
		}
	}
	return runtimeOwner
}

// collects tells whether a stack is of the garbage collector or the scheduler.
func collects(stack []string) bool {
	for _, function := range stack {
		if strings.HasPrefix(function, "runtime.gc") || function == "runtime.schedule" || function == "runtime.bgsweep" {
			return true
		}
	}
	return false
}
