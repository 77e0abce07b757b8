// Package queuetest gives tests a PostgreSQL server of their own: Debian's, on a free port of loopback, as a user without rights.
package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Server is a running PostgreSQL.
type Server struct {
	dir   string
	port  int
	alive io.Closer // closing it ends the server, and so does the death of this process
	cmd   *exec.Cmd
	out   *bytes.Buffer
	made  atomic.Int64
}

// Start starts a server with nothing in it. It is an error if PostgreSQL is not installed: make deps installs it.
func Start(ctx context.Context) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "weighlock-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, out: &bytes.Buffer{}}
	if err := s.start(ctx, bin); err != nil {
		return nil, errors.Join(fmt.Errorf("starting PostgreSQL: %w\n%s", err, s.out), s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, bin string) error {
	attributes, err := unprivileged(s.dir)
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--no-sync", "--auth=trust", "--username=weighlock", "--encoding=UTF8", "--locale=C", "-D", data)
	initdb.Dir, initdb.SysProcAttr = s.dir, attributes
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if s.port, err = freePort(); err != nil {
		return err
	}
	// The shell waits for the end of its input, which comes with the end of this process, too.
	s.cmd = exec.Command("/bin/sh", "-c", `"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server`, "sh",
		filepath.Join(bin, "postgres"), "-D", data, "-k", s.dir, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=16MB", "-c", "max_connections=200")
	s.cmd.Dir, s.cmd.SysProcAttr = s.dir, attributes
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if s.alive, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://weighlock@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Database makes an empty database and returns its address.
func (s *Server) Database(ctx context.Context) (string, error) {
	name := fmt.Sprintf("test%d", s.made.Add(1))
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return s.url(name), errors.Join(err, conn.Close(ctx))
}

// Close ends the server and removes what it kept.
func (s *Server) Close() error {
	var errs []error
	if s.alive != nil {
		errs = append(errs, s.alive.Close())
		_ = s.cmd.Wait() // it was told to end
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// binaries is where the newest version's programs are.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("PostgreSQL is not installed (Debian's package postgresql): run make deps"), err)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // what is no number is no version
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged gives dir to a user without rights, where we are root, whom PostgreSQL does not serve, and says how to run as it.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, int(uid), int(gid))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
