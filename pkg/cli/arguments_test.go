package cli_test

import (
	"strings"
	"testing"
)

// TestMistakesSayWhatIsWantedInstead names the mistake, its place, and what may stand there, as somebody needs it who has never seen the command.
func TestMistakesSayWhatIsWantedInstead(t *testing.T) {
	setEnvironment(t, []string{"WSPROXY_URL=ws://127.0.0.1:1"})
	for args, want := range map[string]string{
		"produces":                         `wsproxy has no command "produces": is it produce? See wsproxy --help`,
		"xyzzy":                            `wsproxy has no command "xyzzy": see wsproxy --help`,
		"consume demo":                     `wsproxy consume takes no argument, and "demo" is one more. A topic is named by --topic: see wsproxy consume --help`,
		"produce -t t a b":                 `wsproxy produce takes 1 argument at most, and "b" is one more. A topic is named by --topic: see wsproxy produce --help`,
		"sessions x":                       `wsproxy sessions takes no argument, and "x" is one more. A topic is named by --topic: see wsproxy sessions --help`,
		"topics a b":                       `wsproxy topics takes 1 argument at most, and "b" is one more: see wsproxy topics --help`,
		"man":                              "no directory is named: give the one to write the pages into, such as ./man",
		"produce --topics t":               "unknown flag: --topics: see wsproxy produce --help",
		"consume -t t -c all":              `--count is "all": it must be a whole number`,
		"produce -t t -p x":                `--partition is "x": it must be a whole number`,
		"consume -t t --patience 5":        `--patience is "5": it must be a duration such as 500ms, 30s or 10m`,
		"consume -t t --insecure=maybe":    `--insecure is "maybe": it must be true or false`,
		"produce -t t --rate -1":           "--rate is -1: it must be 1 or more, and without it there is no limit",
		"produce -t t -K: -k a":            "--key-separator and --key exclude each other: with the first, each line has a key of its own",
		"consume -t t --rate -1":           "--rate is -1: it must be 1 or more, and without it there is no limit",
		"consume -t t -c -1":               "--count is -1: it must be 1 or more, and without it all are printed",
		"work -t t -g g --parallel 0 -- x": "--parallel is 0: it must be 1 to 1000",
		"bench -t t --in-flight 0":         "--rate is 1000 and --in-flight 0: both must be 1 or more",
		"bench -t t --size 0":              "--size is 0: it must be 1 to 16777216 bytes",
		"bench -t t --wait 0s":             "--wait is 0s: it must be more than 0, such as 30s",
		"topics --admin-url localhost:1":   `--admin-url is "localhost:1": it must be like http://HOST:9078 or https://HOST:9078`,
		"limits set consumer g --batch -1": "--batch is -1: it must be 0 or more, and 0 is no limit",
		"dev --topic orders":               `--topic: "orders" is not name:partitions, such as orders:3`,
		"check":                            "no topic is named: give --topic NAME",
	} {
		t.Run(args, func(t *testing.T) {
			if code, stdout, stderr := pipe(t, "", strings.Fields(args)...); code != 2 || stdout != "" || stderr != want+"\n" {
				t.Errorf("exit code %d, %q, and it says\n%swant\n%s", code, stdout, stderr, want)
			}
		})
	}
}

// TestWhereNoProxyIsTheMessageSaysWhatDecidesWhere for sockets and for the admin API.
func TestWhereNoProxyIsTheMessageSaysWhatDecidesWhere(t *testing.T) {
	for args, want := range map[string]string{
		"consume -t t -e --url ws://127.0.0.1:1 --patience 1ms": "connecting to 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused\nDoes a proxy run there? --url, a profile or WSPROXY_URL says where;",
		"topics --admin-url http://127.0.0.1:1":                 "connection refused\nIs --admin-url, or WSPROXY_ADMIN_URL, the management listener of a proxy that runs?",
	} {
		if code, _, stderr := pipe(t, "", strings.Fields(args)...); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", args, code, stderr)
		}
	}
}
