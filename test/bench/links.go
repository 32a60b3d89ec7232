package main

import (
	"context"
	"sync"
)

// openAll opens links: to is the target of the one of index i.
func openAll(ctx context.Context, count int, to func(i int) target) ([]*link, error) {
	var links []*link
	for i := range count {
		l, err := open(ctx, to(i))
		if err != nil {
			cutAll(links)
			return nil, err
		}
		links = append(links, l)
	}
	return links, nil
}

func cutAll(links []*link) {
	for _, l := range links {
		l.cut()
	}
}

// forEach runs f for all links at the same time. The first failure cuts all of them, and is returned.
func forEach(links []*link, f func(i int, l *link) error) error {
	var running sync.WaitGroup
	var once sync.Once
	var first error
	for i, l := range links {
		running.Go(func() {
			if err := f(i, l); err != nil {
				once.Do(func() { first = err })
				cutAll(links)
			}
		})
	}
	running.Wait()
	return first
}
