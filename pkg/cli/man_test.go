package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheManualHasEachCommand with what its flags do.
func TestTheManualHasEachCommand(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "man1")
	succeed(t, "", "man", directory)
	for command, want := range map[string]string{
		"": "A gateway to Apache Kafka over WebSockets", "-produce": `\fB--on-error\fP`, "-consume": `\fB--until-end\fP`, "-work": `\fB--parallel\fP`,
		"-dev": `\fB--kafka-port\fP`, "-topics": `\fB--admin-url\fP`, "-closes": `\fB--client-id\fP`,
	} {
		page, err := os.ReadFile(filepath.Join(directory, "wsproxy"+command+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		if text := strings.ReplaceAll(string(page), `\-`, "-"); !strings.Contains(text, want) {
			t.Errorf("the page of wsproxy%s lacks %s", command, want)
		}
	}
}
