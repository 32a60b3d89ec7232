package socket

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// acksNothing tells whether the peer's machine has acknowledged nothing for a time although bytes are on their way
// to it. A machine that is there acknowledges what it has room for, and a program that reads slowly leaves no
// room for more. TCP_USER_TIMEOUT does not tell the two apart (tcp(7)).
func acksNothing(conn net.Conn, during time.Duration) bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var info *unix.TCPInfo
	if raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }) != nil || err != nil {
		return false
	}
	silent := time.Duration(info.Last_ack_recv) * time.Millisecond
	return info.Unacked > 0 && info.Retransmits > 0 && silent >= during
}
