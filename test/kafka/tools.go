package kafka

import (
	"context"
	"fmt"
	"os/exec"
)

// toolHeapMiB suffices for every tool; ProducerPerformance alone buffers 32 MiB.
const toolHeapMiB = 256

// Tools runs Kafka's command-line tools, release [ToolsVersion].
type Tools struct {
	inst *installation
}

// NewTools resolves the tools; ctx bounds that. The error wraps [ErrMissing] if this
// machine lacks a program.
func NewTools(ctx context.Context) (*Tools, error) {
	inst, err := install(ctx, toolsBundle(), prepareTools)
	if err != nil {
		return nil, fmt.Errorf("installing the tools of Kafka %s: %w", ToolsVersion, err)
	}
	return &Tools{inst: inst}, nil
}

// Command returns the command that runs a tool by its class, such as
// org.apache.kafka.tools.consumer.ConsoleConsumer or org.apache.kafka.tools.TopicCommand,
// and kills it when ctx ends. What the tool is for goes to its standard output; logs and
// the JVM's warnings go to its standard error.
func (t *Tools) Command(ctx context.Context, class string, args ...string) *exec.Cmd {
	return t.inst.tool(ctx, t.inst.useArchive(), class, args...)
}

func (i *installation) tool(ctx context.Context, flag, class string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, i.java.path, i.arguments(toolHeapMiB, []string{flag}, class, args...)...)
	dieWithParent(cmd)
	cmd.WaitDelay = waitDelay
	return cmd
}

// prepareTools makes the class archive with a consumer that finds no broker: it loads
// most of what any tool loads, and needs no cluster. It ends with a timeout, so its exit
// code says nothing; that the archive is there does.
func prepareTools(ctx context.Context, inst *installation) error {
	return inst.ensureArchive(func(flag string) (string, error) {
		out, _ := inst.tool(ctx, flag, "org.apache.kafka.tools.consumer.ConsoleConsumer",
			"--bootstrap-server", "127.0.0.1:1", "--topic", "none", "--timeout-ms", "1").CombinedOutput()
		return string(out), ctx.Err()
	})
}
