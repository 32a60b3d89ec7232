package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// options are what a run is asked for.
type options struct {
	records, rounds int
	groups          []group
	idle            time.Duration // for which connections do nothing before they are judged
	scale           float64       // share of the connections and messages, but for the flows
	broker          string        // address of one that runs already
	embedded        bool
	outFile         string
	profiles        string // folder for the proxy's profiles
	save, check     string // files with ratios
}

func parse(args []string, messages io.Writer) (options, error) {
	o := options{groups: groups()}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(messages)
	commonFlags(flags, &o)
	flags.IntVar(&o.records, "records", 1_000_000, "`number` of records of a round, at least 1000")
	flags.IntVar(&o.rounds, "rounds", 5, "`number` of rounds that count; of the flows, one more comes before them")
	flags.Func("rows", "comma `list` of what to measure: "+groupNames()+" (default: all)", func(text string) (err error) {
		o.groups, err = parseGroups(text)
		return err
	})
	flags.DurationVar(&o.idle, "idle", time.Minute, "for how `long` connections do nothing before they are judged")
	flags.Float64Var(&o.scale, "scale", 1, "`share` of the connections and messages of the rows latency, idle, burst and spread: a try is faster, and means nothing")
	flags.StringVar(&o.profiles, "profiles", "", "`folder` that gets CPU and allocation profiles of the proxy, of one more round of the flows, and a CPU profile of idle connections")
	flags.StringVar(&o.save, "save", "", "`file` that gets the ratios, to check later runs against")
	flags.StringVar(&o.check, "check", "", "`file` with the ratios of an earlier run: fail where this run loses more than 15 %")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	return o, o.validate(flags.Args())
}

// commonFlags are those of all runs.
func commonFlags(flags *flag.FlagSet, o *options) {
	flags.StringVar(&o.broker, "broker", "", "`host:port` of a broker that runs already (default: an Apache Kafka is started)")
	flags.BoolVar(&o.embedded, "embedded", false, "use the fake broker, in a process of its own")
	flags.StringVar(&o.outFile, "out-file", "", "`file` that gets the tables too, as Markdown")
}

func (o options) validate(arguments []string) error {
	switch {
	case len(arguments) > 0:
		return fmt.Errorf("unexpected argument %q", arguments[0])
	case o.records < 1000 || o.rounds < 1:
		return errors.New("at least 1000 records and one round are needed")
	case o.idle <= 0:
		return errors.New("--idle must be longer than nothing")
	case o.scale <= 0 || o.scale > 1:
		return errors.New("--scale must be above 0, and at most 1")
	case o.embedded && o.broker != "":
		return errors.New("--embedded excludes --broker")
	case o.save != "" && o.check != "":
		return errors.New("--save excludes --check: what is lost would be saved")
	}
	return nil
}

// scaled returns the share of a number that is asked for, and least at the least.
func (o options) scaled(n, least int) int { return max(least, int(o.scale*float64(n))) }

// brokerKind tells brokers apart whose figures are not to be compared.
func (o options) brokerKind() string {
	switch {
	case o.embedded:
		return "embedded"
	case o.broker != "":
		return "given"
	}
	return "Apache Kafka"
}

// readKept reads the file to check against, before a run of minutes turns out to be in vain.
func (o options) readKept() (baseline, error) {
	if o.check == "" {
		return baseline{}, nil
	}
	kept, err := readBaseline(o.check)
	if err != nil {
		return baseline{}, err
	}
	if kept.Broker != o.brokerKind() || kept.Records != o.records {
		return baseline{}, fmt.Errorf("%s is of %d records and the broker %q, this run of %d and %q: measure the same",
			o.check, kept.Records, kept.Broker, o.records, o.brokerKind())
	}
	return kept, nil
}
