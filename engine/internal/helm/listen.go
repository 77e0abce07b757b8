package helm

import (
	"bytes"
	"io"
	"log"
	"regexp"
	"runtime"
	"strings"
	"sync"
)

// Helm's library reports what a person should know (a value of a wrong shape, an unknown hook) only through the standard
// library's logger, which is one for the process and prints to stderr. While a chart is loaded or rendered, a tap on that logger
// takes the lines that the goroutine doing so writes. Lines of all other goroutines go where they went before.
var tap struct {
	installing sync.Mutex // held while the tap goes on or off; never while writing, since the logger has a lock of its own

	mu        sync.Mutex // guards what follows
	listeners map[string]*listener
	next      io.Writer // where the logger wrote before
}

type listener struct {
	goroutine string
	heard     []string
}

// listen collects what the calling goroutine logs, until stop.
func listen() *listener {
	l := &listener{goroutine: goroutine()}
	tap.installing.Lock()
	defer tap.installing.Unlock()
	next := log.Writer()
	if _, on := next.(tapWriter); !on {
		tap.mu.Lock()
		tap.next = next
		tap.mu.Unlock()
		log.SetOutput(tapWriter{})
	}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	if tap.listeners == nil {
		tap.listeners = map[string]*listener{}
	}
	tap.listeners[l.goroutine] = l
	return l
}

// stop ends the listening. The last one to stop gives the logger its writer back, unless somebody else has set one.
func (l *listener) stop() {
	tap.installing.Lock()
	defer tap.installing.Unlock()
	tap.mu.Lock()
	delete(tap.listeners, l.goroutine)
	last, next := len(tap.listeners) == 0, tap.next
	tap.mu.Unlock()
	if _, on := log.Writer().(tapWriter); on && last {
		log.SetOutput(next)
	}
}

// logPrefix is what the logger and Helm put before a message.
var logPrefix = regexp.MustCompile(`^(\d{4}/\d\d/\d\d )?(\d\d:\d\d:\d\d(\.\d+)? )?((?i:warning|info): )?`)

type tapWriter struct{}

func (tapWriter) Write(line []byte) (int, error) {
	id := goroutine()
	tap.mu.Lock()
	l, next := tap.listeners[id], tap.next
	tap.mu.Unlock()
	if l == nil {
		return next.Write(line)
	}
	l.heard = append(l.heard, logPrefix.ReplaceAllString(strings.TrimSpace(string(line)), "")) // l is this goroutine's
	return len(line), nil
}

// goroutine names the calling goroutine. Nothing else tells which render a line of the process's one logger belongs to.
func goroutine() string {
	var buf [64]byte
	id, _, _ := bytes.Cut(buf[:runtime.Stack(buf[:], false)], []byte(" ["))
	return string(id)
}
