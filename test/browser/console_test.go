package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pictures is the environment variable with a folder for pictures of the console's views:
//
//	CONSOLE_PICTURES=/tmp/console go test ./test/browser -run TestConsole
const pictures = "CONSOLE_PICTURES"

// consoleSettings turn the console on.
func consoleSettings(more ...string) []string {
	return append([]string{"ADMIN_ENDPOINT_ENABLED=true", "CONSOLE_ENABLED=true"}, more...)
}

// console is a page of the console in a browser.
type console struct {
	t       *testing.T
	browser context.Context
	address string // of the management listener, as in http://localhost:9078
	opened  bool

	mu   sync.Mutex
	told []string // guarded by mu: errors and warnings in the page's console, violations of its policy among them
}

// TestConsole opens the console in one browser, in a tab for each test.
func TestConsole(t *testing.T) {
	browser := launch(t)
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		run  func(context.Context, *testing.T)
	}{
		{"ShowsHostileRecordsAsText", consoleShowsHostileRecordsAsText},
		{"FollowsAnAddressAtOnce", consoleFollowsAnAddressAtOnce},
		{"DrawsAReadingAfterAnother", consoleDrawsAReadingAfterAnother},
		{"IsUsedByKeysAlone", consoleIsUsedByKeysAlone},
		{"FiltersRecords", consoleFiltersRecords},
		{"FollowsWhatComesTooFast", consoleFollowsWhatComesTooFast},
		{"AsksForCredentials", consoleAsksForCredentials},
		{"GoesOnAfterABreak", consoleGoesOnAfterABreak},
		{"ResetsAndDeletesAGroup", consoleResetsAndDeletesAGroup},
		{"ResetsAGroupByKeysAlone", consoleResetsAGroupByKeysAlone},
		{"TakesNoLateAnswers", consoleTakesNoLateAnswers},
		{"LoadsNoOlderRecordsTooLate", consoleLoadsNoOlderRecordsTooLate},
		{"OutlivesItsCredentials", consoleOutlivesItsCredentials},
		{"IsThereAtOnce", consoleIsThereAtOnce},
		{"ListsManyTopics", consoleListsManyTopics},
		{"ListsACrowd", consoleListsACrowd},
		{"ShowsQueues", consoleShowsQueues},
		{"TellsAWrongClock", consoleTellsAWrongClock},
		{"EvictsAConnection", consoleEvictsAConnection},
		{"Produces", consoleProduces},
		{"ChangesLimits", consoleChangesLimits},
		{"ShowsEveryView", consoleShowsEveryView},
		{"ShowsWhatKafkaHas", consoleShowsWhatKafkaHas},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(browser, t) })
	}
}

// openConsole opens the console that a management listener serves, in a tab. What the page's console says of errors fails the
// test in the end.
func openConsole(browser context.Context, t *testing.T, address string) *console {
	t.Helper()
	tab, closeTab := chromedp.NewContext(browser)
	c := &console{t: t, browser: tab, address: address}
	t.Cleanup(closeTab)
	if err := chromedp.Listen(tab, c.listen); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if told := c.errors(); len(told) > 0 {
			t.Errorf("the page's console has %q", told)
		}
	})
	return c
}

// listen keeps what the page's console says of errors.
func (c *console) listen(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		c.told = append(c.told, fmt.Sprintf("%v", e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == runtime.ConsoleAPICalledTypeWarning {
			c.told = append(c.told, fmt.Sprintf("%s: %v", e.Type, e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			c.told = append(c.told, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	}
}

// errors returns what the page's console has said of errors, and forgets it.
func (c *console) errors() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	told := c.told
	c.told = nil
	return told
}

func (c *console) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	if err := chromedp.Do(c.browser, steps...); err != nil {
		c.t.Fatal(err)
	}
}

// look sets the width of the window, and the theme.
func (c *console) look(width int64, theme string) {
	c.t.Helper()
	height := int64(800)
	if width < 700 {
		height = 844
	}
	c.do(chromedp.EmulateViewport(width, height))
	_, err := chromedp.Run(c.browser, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
		})
		return chromedp.Void{}, err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// open goes to a view by its address, as a link does.
func (c *console) open(view string) {
	c.t.Helper()
	if !c.opened {
		c.do(chromedp.Navigate(c.address + "/console/#/" + view))
		c.opened = true
		return
	}
	eval[bool](c, fmt.Sprintf("location.hash = %q; true", "#/"+view))
}

// awaits waits until an expression is true in the page.
func (c *console) awaits(what, expression string) {
	c.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if ok, err := chromedp.Run(c.browser, chromedp.Evaluate[bool]("Boolean("+expression+")")); err == nil && ok {
			return
		}
	}
	text, _ := chromedp.Run(c.browser, chromedp.Evaluate[string]("document.body.innerText"))
	c.t.Fatalf("there is no %s in the page, which shows\n%s\nand says %q", what, text, c.errors())
}

// awaitsText waits until the page shows a text.
func (c *console) awaitsText(text string) {
	c.t.Helper()
	c.awaits("text "+text, fmt.Sprintf("document.body.textContent.includes(%q)", text))
}

// eval evaluates an expression in the page.
func eval[T any](c *console, expression string) T {
	c.t.Helper()
	value, err := chromedp.Run(c.browser, chromedp.Evaluate[T](expression))
	if err != nil {
		c.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// picture makes a picture of the page, if pictures are asked for.
func (c *console) picture(name string) {
	c.t.Helper()
	folder := os.Getenv(pictures)
	if folder == "" {
		return
	}
	image, err := chromedp.Run(c.browser, chromedp.CaptureScreenshot())
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png"), image, 0o644); err != nil {
		c.t.Fatal(err)
	}
}
