package kafka

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// java is the Java of this machine.
type java struct {
	path    string
	version string // all that java -version says: class archives are bound to the build
}

// findJava takes Java from JAVA_HOME, or else from the search path.
func findJava(ctx context.Context) (java, error) {
	path := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path = filepath.Join(home, "bin", "java")
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return java{}, fmt.Errorf("%w: java (%d or newer)", ErrMissing, minJavaVersion)
	}
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		return java{}, fmt.Errorf("%w: java (%s -version: %w)", ErrMissing, path, err)
	}
	if found := majorVersion(string(out)); found < minJavaVersion {
		return java{}, fmt.Errorf("%w: java %d or newer (%s is %d)", ErrMissing, minJavaVersion, path, found)
	}
	return java{path: path, version: string(out)}, nil
}

// majorVersion returns the first number of the version that java -version gives, or 0.
func majorVersion(text string) int {
	match := regexp.MustCompile(`version "(\d+)`).FindStringSubmatch(text)
	if match == nil {
		return 0
	}
	major, err := strconv.Atoi(match[1])
	if err != nil {
		return 0
	}
	return major
}
