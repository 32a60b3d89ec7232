package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noArguments refuses arguments.
func noArguments(c *cobra.Command, args []string) error { return argumentsUpTo(0)(c, args) }

// argumentsUpTo refuses more arguments than most.
func argumentsUpTo(most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) <= most {
			return nil
		}
		takes := "takes no argument"
		if most > 0 {
			takes = fmt.Sprintf("takes %d argument at most", most)
		}
		return usageError{fmt.Errorf("%s %s, and %q is one more%s: see %s --help", c.CommandPath(), takes, args[most], topicHint(c), c.CommandPath())}
	}
}

// topicHint says where the name of a topic belongs, which is what an argument too many mostly is.
func topicHint(c *cobra.Command) string {
	if c.Flags().Lookup("topic") == nil {
		return ""
	}
	return ". A topic is named by --topic"
}

// unknownCommand says which commands are meant by a name that none has.
func unknownCommand(root *cobra.Command, name string) error {
	root.SuggestionsMinimumDistance = 2 // letters that are wrong
	if like := root.SuggestionsFor(name); len(like) > 0 {
		return usageError{fmt.Errorf("wsproxy has no command %q: is it %s? See wsproxy --help", name, strings.Join(like, ", or "))}
	}
	return usageError{fmt.Errorf("wsproxy has no command %q: see wsproxy --help", name)}
}

// flagError says what is wrong with a flag, and what it may be.
func flagError(c *cobra.Command, err error) error {
	if wrong, is := errors.AsType[*pflag.InvalidValueError](err); is {
		if may := valuesOf(wrong.GetFlag()); may != "" {
			return usageError{fmt.Errorf("--%s is %q: it must be %s", wrong.GetFlag().Name, wrong.GetValue(), may)}
		}
	}
	return usageError{fmt.Errorf("%w: see %s --help", err, c.CommandPath())}
}

// valuesOf says what the values of a flag are, by their type.
func valuesOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int", "int32":
		return "a whole number"
	case "bool":
		return "true or false"
	case "duration":
		return "a duration such as 500ms, 30s or 10m"
	}
	return ""
}
