package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// man writes the manual's pages, for those who pack the program.
func man(p Process) *cobra.Command {
	return &cobra.Command{
		Use: "man DIRECTORY", Short: "Write a manual page of each command into a directory",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("no directory is named: give the one to write the pages into, such as ./man")}
			}
			return argumentsUpTo(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // others are to read manuals
				return fmt.Errorf("making the directory of the manual: %w", err)
			}
			root := c.Root()
			root.DisableAutoGenTag = true // so that the same commands make the same pages
			header := &doc.GenManHeader{Title: "WSPROXY", Section: "1", Source: "wsproxy " + version, Manual: "Kafka WebSocket Proxy"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("writing the manual: %w", err)
			}
			_, err := fmt.Fprintf(p.Stdout, "The manual is in %s: man -l %s/wsproxy-produce.1\n", args[0], args[0])
			return err
		},
	}
}
