//go:build !unix

package cli

import "os"

// width returns 0: terminals are not known here.
func width(*os.File) int { return 0 }
