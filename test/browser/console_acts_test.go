package browser

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fill types a text into the field with a label.
func (c *console) fill(label, text string) {
	c.t.Helper()
	c.awaits("field "+label, fmt.Sprintf(`(() => {
		const field = [...document.querySelectorAll("dialog[open] label.field, main label.field")].find((l) => l.firstChild.textContent === %q)?.querySelector("input, textarea, select");
		if (!field) return false;
		const to = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set;
		to.call(field, %s);
		field.dispatchEvent(new Event("input", {bubbles: true}));
		field.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, label, toJSON(c.t, text)))
}

// committed returns the offset of the group "g" in the one partition of the topic "t", -1 where there is none or no group.
func committed(t *testing.T, client *kgo.Client) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), "g")
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup("t", 0); ok {
		return o.At
	}
	return -1
}

// commitAll commits the offset 20 for the group "g", and returns the client that did it.
func commitAll(t *testing.T, kafka string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 20, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	return client
}

// answer presses the button that does what the open dialog asks for, which also has the command that does the same.
func (c *console) answer() {
	c.t.Helper()
	c.awaits("question", "document.querySelector('dialog[open] .danger:enabled')")
	if !eval[bool](c, `/curl .*--request (DELETE|PUT)/.test(document.querySelector("dialog[open] details.copy pre")?.textContent)`) {
		c.t.Error("the dialog has no command")
	}
	eval[bool](c, "document.querySelector('dialog[open] .danger').click(); true")
}

// consoleResetsAndDeletesAGroup previews a reset, which changes nothing, then does it, then deletes the group.
func consoleResetsAndDeletesAGroup(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	for range 20 {
		write(t, kafka, &kgo.Record{Value: []byte("v")})
	}
	client := commitAll(t, kafka)
	c.look(1280, "light")
	c.open("groups/g")
	c.awaitsText("Lag by partition: 0")
	c.press("Reset offsets")
	c.fill("To", "shift")
	c.fill("Records", "-7")
	c.press("Preview")
	c.awaits("preview", `document.querySelector("dialog table")?.textContent.includes("2013")`) // now 20, then 13
	c.picture("reset-1280-light")
	if got := committed(t, client); got != 20 {
		t.Errorf("a preview has set the offset to %d", got)
	}
	c.answer()
	c.awaitsText("Lag by partition: 7")
	if got := committed(t, client); got != 13 {
		t.Errorf("the offset is %d", got)
	}
	c.press("Delete")
	c.answer()
	c.awaitsText("There are no groups.")
	if got := committed(t, client); got != -1 {
		t.Errorf("the group is there, with the offset %d", got)
	}
}

// consoleEvictsAConnection looks at how a client reads, closes its connection, and sees why it has ended, as the client is told.
func consoleEvictsAConnection(browser context.Context, t *testing.T) {
	t.Helper()
	kafka := broker(t, kfake.SeedTopics(1, "t"))
	a := startOn(t, kafka, consoleSettings()...)
	c := openConsole(browser, t, "http://"+a.AdminAddr())
	write(t, kafka, &kgo.Record{Value: []byte("v")})
	out, _, err := websocket.Dial(t.Context(), "ws://"+a.Addr()+"/socket/out?clientId=reader&topic=t", nil) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.CloseNow() }()
	closed := make(chan error, 1)
	go func() {
		_, _, err := out.Read(t.Context())
		for err == nil {
			_, _, err = out.Read(t.Context())
		}
		closed <- err
	}()
	c.look(390, "dark")
	c.open("connections?client=reader")
	c.awaits("no lag", c.cell("Lag")+" === '0'")
	stop := keepWriting(t, kafka)
	c.awaits("a rate", "/^(0\\.[1-9]|[1-9].*)\\/s$/.test("+c.cell("Rate")+")")
	stop()
	c.press("Evict")
	c.answer()
	c.awaitsText("No connection is what the filter asks for.")
	c.awaits("why it has ended", `/4409.*An administrator has ended this connection.*Another connection has its place/.test(document.querySelector("table[aria-label='Last closes'] tbody").textContent)`)
	c.picture("closes-390-dark")
	select {
	case err := <-closed:
		if websocket.CloseStatus(err) != 4409 {
			t.Errorf("it is closed with %v", err)
		}
	case <-time.After(patience):
		t.Error("it is not closed")
	}
}

// keepWriting writes five records a second to the topic "t" until stop is called, which waits for the end of that.
func keepWriting(t *testing.T, kafka string) (stop func()) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	tick, over, ended := time.NewTicker(200*time.Millisecond), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				client.Produce(t.Context(), &kgo.Record{Value: []byte("v")}, nil)
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		tick.Stop()
		close(over)
		<-ended
		client.Close()
	})
	t.Cleanup(stop)
	return stop
}

// cell is the text in a column of the first row of the first table.
func (c *console) cell(column string) string {
	return fmt.Sprintf(`(() => {
		const names = [...document.querySelectorAll("main table:first-of-type th")].map((th) => th.textContent.trim());
		return document.querySelectorAll("main table tbody tr:first-child td")[names.indexOf(%q)]?.textContent.trim();
	})()`, column)
}

// consoleProduces writes a record by the form, whose digits stay as they are, and pasted ones of which one is wrong,
// and goes from a record to the form with what is in it.
func consoleProduces(browser context.Context, t *testing.T) {
	t.Helper()
	c, _ := consoleOn(browser, t)
	c.look(1280, "light")
	c.open("produce?topic=t")
	c.fill("Key", "k-1")
	c.fill("Value", `{"n":12345678901234567890.10}`)
	c.fill("Headers, one in each line as name: value", "unit: c")
	c.press("Produce")
	c.awaitsText("partition 0, offset 0")
	c.press("Many, pasted")
	c.fill("One in each line: a message of /socket/in, or a value as text", "plain\n{\"value\":{\"value\":1,\"format\":\"nothing\"}}\nlast")
	c.press("Produce 3")
	c.awaitsText("3 of 3 answered, 1 with an error")
	c.open("topics/t/records?at=0:0")
	c.awaitsText("12345678901234567890.10")
	c.press("Produce again")
	c.awaits("filled form", `document.querySelector("textarea")?.value === '{"n":12345678901234567890.10}'`)
	c.press("Produce")
	c.awaitsText("partition 0, offset 3")
	c.open("produce?topic=nothing")
	c.fill("Value", "1")
	c.press("Produce")
	c.awaitsText("TOPIC_NOT_FOUND")
}

// consoleChangesLimits adds limits, replaces and removes them.
func consoleChangesLimits(browser context.Context, t *testing.T) {
	t.Helper()
	c, _ := consoleOn(browser, t, "DYNAMIC_CONFIG_HANDLER_ENABLED=true")
	c.look(1280, "dark")
	c.open("limits")
	c.awaitsText("everybody else")
	c.fill("groupId", "dashboard")
	c.fill("Messages/s", "50")
	c.press("Add")
	c.awaitsText("In force for dashboard")
	c.press("Edit")
	c.fill("Messages/s", "75")
	c.press("Replace")
	c.awaits("new limit", `document.querySelector("main").textContent.includes("75")`)
	c.press("Remove")
	c.answer()
	c.fill("Topic", "t")
	c.fill("Subject", "user:alice")
	c.press("Ask")
	c.awaitsText("There is no policy: whoever is let in may.")
	c.awaits("no limit", "![...document.querySelectorAll('td')].some((cell) => cell.textContent.includes('dashboard'))")
}
