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

// profile takes profiles of the proxy in one more round of each row, which does not
// count: profiling has a price.
func (b *bench) profile(ctx context.Context, p *proxyProcess, rows []measurement, r *results) error {
	if err := makeProfiles(b.options.profiles); err != nil {
		return err
	}
	for _, m := range rows {
		if m.way == raw {
			continue
		}
		if err := b.profileRound(ctx, p, m, r); err != nil {
			return fmt.Errorf("profiling %s: %w", m, err)
		}
	}
	fmt.Fprintf(b.messages, "The profiles are in %s: go tool pprof -top %s\n",
		b.options.profiles, filepath.Join(b.options.profiles, "in-JSON-profile.pprof"))
	return nil
}

func makeProfiles(folder string) error {
	return wrap(os.MkdirAll(folder, 0o755), "making the folder for profiles")
}

// profileRound profiles about as long as the measurement took before.
func (b *bench) profileRound(ctx context.Context, p *proxyProcess, m measurement, r *results) error {
	seconds := int(math.Ceil(float64(b.options.records) / r.median(m).perSecond))
	kinds := []string{"profile", "allocs"}
	saved := make(chan error, len(kinds))
	for _, kind := range kinds {
		file := filepath.Join(b.options.profiles, m.file()+"-"+kind+".pprof")
		go func() { saved <- p.save(ctx, fmt.Sprintf("/debug/pprof/%s?seconds=%d", kind, seconds), file) }()
	}
	_, err := b.take(ctx, p, m, b.options.rounds+1)
	for range kinds {
		err = errors.Join(err, <-saved)
	}
	if err != nil {
		return err
	}
	return r.addProfile(ctx, m.String(), filepath.Join(b.options.profiles, m.file()+"-profile.pprof"))
}

func (r *results) addProfile(ctx context.Context, what, file string) error {
	s, err := readShares(ctx, file)
	if err != nil {
		return err
	}
	r.profiles = append(r.profiles, profiled{what, s})
	return nil
}

func (p *proxyProcess) save(ctx context.Context, path, file string) error {
	response, err := p.get(ctx, path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading a profile: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking for a profile: %s: %s", response.Status, content)
	}
	return os.WriteFile(file, content, 0o644)
}
