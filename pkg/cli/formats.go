package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// formatFlags say what keys and values are.
type formatFlags struct{ keyType, valType string }

func (f *formatFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.keyType, "key-type", "", "format of keys: "+proxy.FormatNames)
	flags.StringVar(&f.valType, "val-type", "", "format of values: the same")
}

// parse returns the formats, FormatNone for one that is not given.
func (f *formatFlags) parse() (key, value proxy.Format, err error) {
	if f.keyType != "" {
		if key, err = proxy.ParseFormat(f.keyType); err != nil {
			return key, value, fmt.Errorf("--key-type: %w", err)
		}
	}
	if f.valType != "" {
		if value, err = proxy.ParseFormat(f.valType); err != nil {
			return key, value, fmt.Errorf("--val-type: %w", err)
		}
	}
	return key, value, nil
}
