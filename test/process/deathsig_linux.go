package process

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the program when the thread that started it ends, which
// it also does when the whole process is killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
