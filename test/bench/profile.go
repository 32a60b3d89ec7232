package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
)

// profile takes profiles of the proxy in one more round of each flow and payload, which does
// not count: profiling has a price.
func (b *bench) profile(ctx context.Context) error {
	if err := os.MkdirAll(b.options.profiles, 0o755); err != nil {
		return fmt.Errorf("making the folder for profiles: %w", err)
	}
	for _, m := range measurements() {
		if m.way == raw {
			continue
		}
		if err := b.profileRound(ctx, m); err != nil {
			return fmt.Errorf("profiling %s with %s: %w", m.flow, m.way, err)
		}
	}
	fmt.Fprintf(b.messages, "The profiles are in %s: go tool pprof -top %s\n",
		b.options.profiles, filepath.Join(b.options.profiles, "in-JSON-profile.pprof"))
	return nil
}

// profileRound profiles about as long as the measurement took before.
func (b *bench) profileRound(ctx context.Context, m measurement) error {
	seconds := int(math.Ceil(float64(b.options.records) / medians(b.samples[m]).perSecond))
	kinds := []string{"profile", "allocs"}
	saved := make(chan error, len(kinds))
	for _, kind := range kinds {
		url := fmt.Sprintf("http://%s/debug/pprof/%s?seconds=%d", b.proxy.admin, kind, seconds)
		path := filepath.Join(b.options.profiles, m.flow+"-"+m.way+"-"+kind+".pprof")
		go func() { saved <- save(ctx, url, path) }()
	}
	_, err := b.take(ctx, m, b.options.rounds+1)
	for range kinds {
		err = errors.Join(err, <-saved)
	}
	return err
}

func save(ctx context.Context, url, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking for a profile: %w", err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading a profile: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking for a profile: %s: %s", response.Status, content)
	}
	return os.WriteFile(path, content, 0o644)
}
