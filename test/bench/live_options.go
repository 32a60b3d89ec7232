package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// liveCommand as the first argument has live reading measured, and nothing else.
const liveCommand = "live"

// liveOptions are what a run of live reading is asked for.
type liveOptions struct {
	options
	rows   []string
	window time.Duration // for how long a flow is measured
}

func parseLive(args []string, messages io.Writer) (liveOptions, error) {
	o := liveOptions{rows: liveRowNames()}
	flags := flag.NewFlagSet("bench "+liveCommand, flag.ContinueOnError)
	flags.SetOutput(messages)
	commonFlags(flags, &o.options)
	flags.IntVar(&o.records, "records", 1_000_000, "`number` of records of the row history, at least 1000")
	flags.IntVar(&o.rounds, "rounds", 1, "`number` of rounds, of which the tables have the medians")
	flags.Func("rows", "comma `list` of what to measure: "+strings.Join(o.rows, ", ")+" (default: all)", func(text string) error {
		o.rows = strings.Split(text, ",")
		return nil
	})
	flags.DurationVar(&o.idle, "idle", 25*time.Second, "for how `long` idle sockets are watched: by default as long as a ping is after the one before")
	flags.DurationVar(&o.window, "window", 15*time.Second, "for how `long` a flow is measured")
	flags.Float64Var(&o.scale, "scale", 1, "`share` of the sockets, keys and large rates: a try is faster, and means nothing")
	flags.StringVar(&o.profiles, "profiles", "", "`folder` that gets a CPU profile of the proxy, of each flow: to take one costs some of what is measured")
	if err := flags.Parse(args); err != nil {
		return liveOptions{}, err
	}
	return o, o.validate(flags.Args())
}

func (o liveOptions) validate(arguments []string) error {
	for _, name := range o.rows {
		if !slices.Contains(liveRowNames(), name) {
			return fmt.Errorf("%q is none of %s", name, strings.Join(liveRowNames(), ", "))
		}
	}
	if o.window <= 0 {
		return errors.New("--window must be longer than nothing")
	}
	return o.options.validate(arguments)
}

// rate returns the share of a rate that is asked for. Small ones stay.
func (o liveOptions) rate(perSecond int) int { return o.scaled(perSecond, min(perSecond, 100)) }

// warmUp is for how long a flow runs before it is measured.
func (o liveOptions) warmUp() time.Duration { return min(2*time.Second, o.window/2) }

func (o liveOptions) has(row string) bool { return slices.Contains(o.rows, row) }
