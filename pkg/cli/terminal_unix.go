//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// width returns how many columns a terminal has, and 0 for what is none.
func width(file *os.File) int {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	if size.Col == 0 { // it does not say
		return 80
	}
	return int(size.Col)
}
