package browser

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// weight is what a tab takes, and how long it kept its user waiting since the last weighing.
type weight struct {
	heap     int64 // bytes of JavaScript's heap after a collection
	resident int64 // bytes of the largest process that draws pages; 0 where the system does not tell
	nodes    int   // elements in the document
	delays   delays
}

// delays are in milliseconds.
type delays struct {
	Frame float64 `json:"frame"` // the longest time between two frames
	Task  float64 `json:"task"`  // the longest task of JavaScript
	Input float64 `json:"input"` // the longest time from a key to the frame that shows what it did
	Keys  int     `json:"keys"`  // how many keys were timed
}

func (w weight) String() string {
	return fmt.Sprintf("heap %5.1f MiB, process %4d MiB, %5d elements; at most %4.0f ms between frames, %4.0f ms in a task, %4.0f ms from one of %d key events to its frame",
		float64(w.heap)/(1<<20), w.resident>>20, w.nodes, w.delays.Frame, w.delays.Task, w.delays.Input, w.delays.Keys)
}

// watchDelays has the page keep how long its frames, its tasks and the answers to its keys take. Keys that take less than 16 ms are not timed
// (https://www.w3.org/TR/event-timing/).
func (c *console) watchDelays() {
	c.t.Helper()
	eval[bool](c, `(() => {
		window.delays = {frame: 0, task: 0, input: 0, keys: 0};
		const grow = (name, ms) => { window.delays[name] = Math.max(window.delays[name], ms); };
		let last = performance.now();
		const frame = (now) => { grow("frame", now - last); last = now; requestAnimationFrame(frame); };
		requestAnimationFrame(frame);
		new PerformanceObserver((list) => list.getEntries().forEach((e) => grow("task", e.duration))).observe({type: "longtask"});
		new PerformanceObserver((list) => list.getEntries().forEach((e) => {
			grow("input", e.duration);
			window.delays.keys++;
		})).observe({type: "event", durationThreshold: 16});
		return true;
	})()`)
}

// weigh collects garbage and weighs the tab. The delays, of what was before, begin anew.
func (c *console) weigh() weight {
	c.t.Helper()
	w := weight{delays: eval[delays](c, "window.delays")}
	heap, err := chromedp.Run(c.browser, func(ctx context.Context, tab *chromedp.Target) (int64, error) {
		if _, err := cdp.Call(ctx, tab, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return 0, err
		}
		used, err := cdp.Call(ctx, tab, runtime.GetHeapUsage, cdp.Empty{})
		return int64(used.UsedSize), err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	w.heap, w.resident = heap, c.resident()
	w.nodes = eval[int](c, "document.querySelectorAll('*').length")
	eval[bool](c, "Object.assign(window.delays, {frame: 0, task: 0, input: 0, keys: 0}); true")
	return w
}

// resident returns how much memory the largest process of the browser has that draws pages: 0 where there is no /proc.
func (c *console) resident() (most int64) {
	c.t.Helper()
	processes, err := cdp.Call(c.browser, chromedp.FromContext(c.browser).Browser, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		c.t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)
	for _, p := range processes.ProcessInfo {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.ID))
		match := line.FindSubmatch(status)
		if p.Type != "renderer" || err != nil || match == nil {
			continue
		}
		kilobytes, _ := strconv.ParseInt(string(match[1]), 10, 64)
		most = max(most, kilobytes<<10)
	}
	return most
}
