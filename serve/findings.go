package serve

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
)

// findings are what a run has found out of its targets. It implements [bot.Observer].
type findings struct {
	mu  sync.Mutex
	all []found
}

// A found is what became of a target.
type found struct {
	target bot.ID
	deploy bool
	ending bot.Ending
	cause  error
}

// Found implements [bot.Observer].
func (f *findings) Found(n bot.Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, found{n.Target, n.Deploy, n.Ending(), n.Cause()})
}

// Posted implements [bot.Observer].
func (f *findings) Posted(forge.Comment) {}

// list is what was found so far.
func (f *findings) list() []found {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all)
}

// causes are why targets were not deployed, and deployed says that some were and all went well.
func (f *findings) causes() (why []error, deployed bool) {
	for _, n := range f.list() {
		if !n.deploy {
			continue
		}
		deployed = true
		if n.cause != nil {
			why = append(why, fmt.Errorf("%s: %w", n.target, n.cause))
		}
	}
	return why, deployed && len(why) == 0
}

// cause is why targets were not deployed.
func (f *findings) cause() error {
	why, _ := f.causes()
	return errors.Join(why...)
}

// notDeployed are the targets that are not deployed as they should be, deployed those that are.
func (f *findings) notDeployed() []string {
	return f.deploys(func(n found) bool { return n.cause != nil })
}
func (f *findings) deployed() []string {
	return f.deploys(func(n found) bool { return n.cause == nil })
}

func (f *findings) deploys(which func(found) bool) []string {
	var out []string
	for _, n := range f.list() {
		if n.deploy && which(n) {
			out = append(out, string(n.target))
		}
	}
	return out
}
