package main

import (
	"errors"
	"io"
	"net"
	"time"
)

// away passes connections on to an address, each byte later by half of a round trip, in both directions: a server that is so
// far away. It serves until the listener is closed.
func away(l net.Listener, address string, roundTrip time.Duration) error {
	for {
		in, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer in.Close()
			out, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer out.Close()
			done := make(chan struct{}, 2)
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() { later(way[1], way[0], roundTrip/2); done <- struct{}{} }()
			}
			<-done
		}()
	}
}

// chunk is what was read at once, and when it is to arrive.
type chunk struct {
	data []byte
	due  time.Time
}

func later(to io.Writer, from io.Reader, delay time.Duration) {
	under := make(chan chunk, 1<<12)
	go func() {
		defer close(under)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				under <- chunk{buffer[:n], time.Now().Add(delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range under {
		time.Sleep(time.Until(c.due))
		if _, err := to.Write(c.data); err != nil {
			return
		}
	}
}
