package main

import (
	"fmt"
	"strings"
)

// unit is how a figure is written.
type unit string

const (
	ratio unit = "%.2f"
	count unit = "%.3f"
)

// row is a figure that is held against a floor, which it should keep, and a goal.
type row struct {
	what        string
	unit        unit
	value       float64
	floor, goal float64
	atMost      bool // less is better
}

// reaches tells whether the value is as good as a limit.
func (r row) reaches(limit float64) bool {
	if r.atMost {
		return r.value <= limit
	}
	return r.value >= limit
}

func (r row) verdict() string {
	switch {
	case r.reaches(r.goal):
		return "goal"
	case r.reaches(r.floor):
		return "floor"
	}
	return "missed"
}

func (r row) write(text *strings.Builder) {
	form := string(r.unit)
	fmt.Fprintf(text, "| %s | "+form+" | "+form+" | "+form+" | %s |\n", r.what, r.value, r.floor, r.goal, r.verdict())
}

func (r *results) writeSummary(text *strings.Builder) {
	text.WriteString("\n| what | value | floor | goal | reached |\n|---|--:|--:|--:|---|\n")
	for _, row := range r.summary() {
		row.write(text)
	}
}

// summary returns the rows of what was measured.
func (r *results) summary() []row { return r.flowRows() }
