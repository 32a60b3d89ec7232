package config

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the table as aligned text.
func (t Table) WriteTable(w io.Writer) error {
	// The tabwriter keeps its first error for Flush.
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, s := range t {
		if i == 0 || s.Section != t[i-1].Section {
			_, _ = fmt.Fprintf(columns, "%s\nNAME\tVALUE\tDEFAULT\tWHAT IT DOES\n", heading(i, s.Section))
		}
		_, _ = fmt.Fprintf(columns, "%s\t%s\t%s\t%s\n", s.Name, s.Value, s.Default, s.Help)
	}
	if err := columns.Flush(); err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}
	return nil
}

// heading separates a section from the previous one.
func heading(row int, section string) string {
	if row == 0 {
		return section
	}
	return "\n" + section
}

// Markdown writes the names, defaults and help lines as a Markdown table, without values.
func (t Table) Markdown(w io.Writer) error {
	var text strings.Builder
	text.WriteString("| Variable | Default | What it does |\n|---|---|---|\n")
	for i, s := range t {
		if i == 0 || s.Section != t[i-1].Section {
			fmt.Fprintf(&text, "| **%s** | | |\n", s.Section)
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", s.Name, s.markdownDefault(), escapeMarkdown(s.Help))
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}
	return nil
}

func (s Setting) markdownDefault() string {
	if s.literal {
		return "`" + s.Default + "`"
	}
	return escapeMarkdown(s.Default)
}

// escapeMarkdown escapes text for a cell of a Markdown table.
func escapeMarkdown(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;", "_", `\_`).Replace(text)
}
