package kafka

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const parentVariable = "KAFKA_TEST_PARENT"

// TestProgramDiesWithTheTestProcess kills a copy of this test process that has started a
// program, and sees the program end.
func TestProgramDiesWithTheTestProcess(t *testing.T) {
	if os.Getenv(parentVariable) != "" {
		beParent(t)
	}
	parent := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	parent.Env = append(os.Environ(), parentVariable+"=1")
	out, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	must(t, err)
	if !alive(pid) {
		t.Fatalf("process %d was not started", pid)
	}

	must(t, parent.Process.Kill())
	_ = parent.Wait() // it was killed
	ctx := deadline(t)
	for alive(pid) {
		if err := pause(ctx, time.Millisecond); err != nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d outlives the one that started it", pid)
		}
	}
}

// beParent starts a program, tells its process id, and waits to be killed.
func beParent(t *testing.T) {
	p, err := startProcess(exec.Command("sleep", "600"), os.Stdin)
	must(t, err)
	fmt.Println(p.cmd.Process.Pid)
	<-p.done
}

// alive says whether a process runs; one that has ended and only waits to be buried does not.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}
