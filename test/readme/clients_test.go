package readme

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// testClients runs the programs of the pages of clients.
func (r *reader) testClients(t *testing.T) {
	t.Helper()
	p := newProject(t)
	first := p.start(t, r.take(t, ours, "ts first"))
	first.await(t, `^written to demo, partition \d, offset \d+$`)
	first.await(t, `^read demo-\d-\d+-\d+ of u7$`)
	p.start(t, r.take(t, ours, "ts produce")).await(t, `^1000 are written$`)
	p.start(t, r.take(t, ours, "ts tail")).await(t, `^to be kept: \[".+"`)
	keys := p.start(t, r.take(t, ours, "ts keys"))
	keys.await(t, `^from now on: sensor-1 and sensor-2$`)
	keys.await(t, `^sensor-2 \d+$`)
	keys.await(t, `^from now on: sensor-2$`)
	r.testMap(t, p)
	p.start(t, r.take(t, ours, "ts queue")).await(t, `^works on \d+$`)
	p.start(t, r.take(t, ours, "ts status")).await(t, `^tail waiting closed: 1006`)

	script := filepath.Join(t.TempDir(), "client.py")
	write(t, script, r.take(t, python, "python client"))
	inPython := start(t, "exec python3 -u "+script, "PYTHONPATH="+clients(t, "python"))
	inPython.await(t, `^written \{'topic': 'demo', 'partition': \d, 'offset': \d+, `)
	inPython.await(t, `^read \{'n': 2\}$`)

	provided(t, "test/tools/tool", "javac")
	source := filepath.Join(t.TempDir(), "Client.java")
	write(t, source, r.take(t, java, "java client"))
	inJava := start(t, "exec java "+source)
	inJava.await(t, `^written \[\{"topic":"demo","partition":\d,"offset":\d+,`)
	inJava.await(t, `^read \{.*"value":\{"value":"milk","format":"string"\}\}$`)
}

// TestThePythonClientIsShort counts its lines apart from empty ones and from the example that calls it.
func TestThePythonClientIsShort(t *testing.T) {
	const most = 60
	client, example, found := strings.Cut(blocks(t, python)[0].text, "\nasync def main")
	lines := 0
	for line := range strings.Lines(client) {
		if strings.TrimSpace(line) != "" {
			lines++
		}
	}
	if !found || lines > most || !strings.Contains(example, "asyncio.run(main())") {
		t.Errorf("the client has %d lines, more than %d", lines, most)
	}
}

// TestLongKotlinClient compiles the program of the page, which takes half a minute, and runs it.
func TestLongKotlinClient(t *testing.T) {
	jars := clients(t, "kotlin")
	server := start(t, `make run ARGS="--port 0 --admin-port 0 --kafka-port 0"`, "WSPROXY_LOG_LEVEL=warn")
	at := addresses{main: server.await(t, `listens on (localhost:\d+), its own Kafka broker on \S+:\d+\.`)[1]}
	source, program := filepath.Join(t.TempDir(), "client.kt"), filepath.Join(t.TempDir(), "client.jar")
	write(t, source, at.replace(blocks(t, kotlin)[0].text))
	library := filepath.Join(jars, "kotlin-stdlib-*.jar")
	run(t, "java -cp '"+jars+"/*' org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -no-stdlib -no-reflect -cp $(echo "+library+") -d "+program+" "+source)
	inKotlin := start(t, "exec java -cp "+program+":$(echo "+library+") ClientKt")
	inKotlin.await(t, `^written \[\{"topic":"demo","partition":\d,"offset":\d+,`)
	inKotlin.await(t, `^read \{.*"value":\{"value":"milk","format":"string"\}\}$`)
}

// testMap runs a program with a map of prices, of which one is removed.
func (r *reader) testMap(t *testing.T, p project) {
	t.Helper()
	kafka, err := kgo.NewClient(kgo.SeedBrokers(r.at.kafka), kgo.DefaultProduceTopic("prices"))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	if _, err := kadm.NewClient(kafka).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": new("compact")}, "prices"); err != nil {
		t.Fatal(err)
	}
	set := func(value []byte) {
		if err := kafka.ProduceSync(t.Context(), &kgo.Record{Key: []byte("IBM"), Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	set([]byte(`{"price":7.5}`))
	program := p.start(t, r.take(t, ours, "ts map"))
	program.await(t, `^1 prices, IBM at 7\.5$`)
	set(nil)
	program.await(t, `^IBM is gone$`)
}

// project is a folder in which programs use the TypeScript client.
type project struct{ folder, compiler string }

func newProject(t *testing.T) project {
	t.Helper()
	p := project{t.TempDir(), filepath.Join(clients(t, "compilers"), ".bin", "tsc")}
	scope := filepath.Join(p.folder, "node_modules", "@wsproxy")
	if err := os.MkdirAll(scope, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(clients(t, "typescript"), filepath.Join(scope, "client")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.folder, "package.json"), `{"type":"module"}`)
	write(t, filepath.Join(p.folder, "tsconfig.json"), `{"compilerOptions":{"target":"ES2022","module":"NodeNext","strict":true,"types":[]},"files":["program.ts"]}`)
	return p
}

// start type-checks and compiles a program, and runs it.
func (p project) start(t *testing.T, source string) *program {
	t.Helper()
	write(t, filepath.Join(p.folder, "program.ts"), source)
	run(t, p.compiler+" --project "+p.folder)
	return start(t, "exec node --experimental-websocket "+filepath.Join(p.folder, "program.js"))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
