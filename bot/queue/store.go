package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	driver "modernc.org/sqlite" // "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Kind says how items of a Key go with each other.
type Kind string

// The kinds of items.
const (
	// Preview looks at how a pull request is now: a newer one takes its place.
	Preview Kind = "preview"
	// Command is what a person asked for that writes to no cluster.
	Command Kind = "command"
	// Deploy writes to a cluster, by a command or by a push. Taken up again after an interruption, it waits until the cluster's
	// own lock of the dead run has run out.
	Deploy Kind = "deploy"
	// Urgent is a command that must wait for nothing, such as one that stops others: no limit holds for it.
	Urgent Kind = "urgent"
)

// The states of an item. Waiting and Running are open, the others are final.
const (
	Waiting    State = "waiting"
	Running    State = "running"
	Done       State = "done"       // what it called for was done, or refused with an answer
	Failed     State = "failed"     // it could not be done, and the answer says so as far as the forge let us
	Superseded State = "superseded" // a newer preview took its place
	Cancelled  State = "cancelled"  // somebody asked to stop it
)

// State is where an item stands.
type State string

// An Item is something to do that a forge has delivered.
type Item struct {
	// Delivery is the forge's ID of the delivery, with the name of the source before it.
	Delivery string
	// Source names the forge among those that are configured, Event is the event's name in its words, Body the payload.
	Source, Event string
	Body          []byte
	// Key is what the item is about: items of one Key run one after the other. Repo is what fairness and limits are by.
	Key, Repo string
	Kind      Kind
	// Subject names what the item is about within its Repo, so that it is found however it was heard of; see [Store.Heard].
	Subject string
}

// A Store keeps items. It is safe for concurrent use.
type Store struct {
	// Lease is for how long a claim holds after a sign of life, the same for all replicas: so long is a dead one's work left to it.
	// It is set before the first claim; default: [DefaultLease].
	Lease time.Duration

	db      *sql.DB
	dialect dialect
	now     func() time.Time
	unlock  func() error
	added   chan struct{} // has an element when something was added

	adds batch
	// repos are those that are known to have a row.
	repos sync.Map
	// writing is held by SQLite's one writer; flushes is how its connection is set.
	writing chan struct{}
	flushes bool
}

// Open opens the database at an address: postgres://…, or the path of a file for SQLite, which is made where there is none. A
// file is for one process at a time: another one is refused.
func Open(ctx context.Context, address string) (*Store, error) {
	s := &Store{Lease: DefaultLease, now: time.Now, unlock: func() error { return nil }, added: make(chan struct{}, 1), writing: make(chan struct{}, 1), flushes: true}
	scheme, _, isURL := strings.Cut(address, "://")
	var err error
	switch scheme = strings.ToLower(scheme); {
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		address = scheme + address[len(scheme):]
		s.dialect = postgres
		config, err := pgx.ParseConfig(address)
		if err != nil { // it may quote the address, which holds a password
			return nil, errors.New("the database's address is not one of PostgreSQL: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
		}
		if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && s.pooled(ctx, config) { // nobody says otherwise
			config.DefaultQueryExecMode = pgx.QueryExecModeExec
		}
		s.db = stdlib.OpenDB(*config)
		// They are kept: a new one takes longer than what it is for.
		s.db.SetMaxOpenConns(connections)
		s.db.SetMaxIdleConns(connections)
		s.db.SetConnMaxIdleTime(5 * time.Minute)
	case isURL, keywords.MatchString(address): // it is not quoted: it may hold a password
		return nil, errors.New("the database's address is of no kind that is known: want the path of a SQLite file, or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	default:
		if err := makeFile(address); err != nil {
			return nil, fmt.Errorf("the database: %w; its directory must be there, and be ours to write to", err)
		}
		// By its own name: another one that leads to it must not let another process in.
		if address, err = filepath.EvalSymlinks(address); err != nil {
			return nil, fmt.Errorf("the database: %w", err)
		}
		if s.unlock, err = lockFile(address + ".lock"); err != nil {
			return nil, fmt.Errorf("the database %s: %w", address, err)
		}
		s.dialect = sqlite
		// Each commit is flushed before it returns. One connection: SQLite has one writer, and waiting for it here is fair.
		query := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}}
		s.db, err = sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(address)}).EscapedPath(), RawQuery: query.Encode()}).String())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the database %s: %w", address, err), s.unlock())
		}
		s.db.SetMaxOpenConns(1)
	}
	if err := s.migrate(ctx); err != nil {
		name := "the database"
		if l := new(driver.Error); errors.As(err, &l) {
			name += " " + address
			if l.Code() == sqlite3.SQLITE_CORRUPT || l.Code() == sqlite3.SQLITE_NOTADB {
				err = fmt.Errorf("%w; what can be saved, sqlite3's .recover saves; or move the file away: what it held is lost then, but for what is found on the forges", err)
			}
		}
		return nil, errors.Join(fmt.Errorf("opening %s: %w", name, err), s.Close())
	}
	return s, nil
}

// pooled says whether the way to the database leads by a pooler, such as PgBouncer, which may give each transaction another connection: statements
// that are prepared by name, which are faster, are not there then. A pooler tells who connects a process number of its own. Where nobody answers there is
// nothing to be fast for.
func (s *Store) pooled(ctx context.Context, config *pgx.ConnConfig) bool {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return true
	}
	defer func() { _ = conn.Close(ctx) }() // it was for one question
	var pid uint32
	err = conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid)
	return err != nil || pid != conn.PgConn().PID()
}

// connections are how many there are to PostgreSQL at most.
const connections = 12

// keywords are how PostgreSQL's own programs take an address that is no URL.
var keywords = regexp.MustCompile(`(^|\s)(host|user|password|dbname|port)\s*=`)

// makeFile makes the file of a database, which holds what was said in private, for us alone; SQLite gives the files beside it the same
// mode. One that an earlier version has made for all to read is mended.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// Close closes the database.
func (s *Store) Close() error { return errors.Join(s.db.Close(), s.unlock()) }

// Shared says whether other processes may use the database at the same time.
func (s *Store) Shared() bool { return s.dialect.begin[flushed] != "" }

// Ping says whether the database takes what is written.
func (s *Store) Ping(ctx context.Context) error {
	return s.transaction(ctx, lazily, func(ctx context.Context, tx *sql.Tx, _ int64) error {
		if _, err := tx.ExecContext(ctx, "UPDATE weighlock_schema SET version = version"); err != nil || s.Shared() {
			return err
		}
		// SQLite does not write what stays as it was, so that a full disk would not be noticed; this number is nobody's else.
		var n int64
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&n); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", (n+1)%(1<<31)))
		return err
	})
}

// Added has an element after something was added by this process.
func (s *Store) Added() <-chan struct{} { return s.added }

// A mode is how a transaction is done.
type mode int

const (
	// flushed: when it has ended, it outlives a loss of power.
	flushed mode = iota
	// lazily: it is flushed with the next one that must be. Should the machine lose power before, it has not been.
	lazily
	// exclusively: lazily, and beside no other one of this mode.
	exclusively
)

// work is what is done in a transaction; now is the database's time, by which leases are judged.
type work func(ctx context.Context, tx *sql.Tx, now int64) error

// answerTime is how long a database over a network may take for a transaction, a lease at most. One that has gone without a word is not
// waited for until the system notices, which takes a quarter of an hour.
const answerTime = 15 * time.Second

// bounded is a context for what is asked of the database.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if !s.Shared() { // it bounds what it waits for itself
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, min(answerTime, s.Lease))
}

// transaction does work in a transaction, within the time that the database may take.
func (s *Store) transaction(ctx context.Context, how mode, work work) error {
	bounded, cancel := s.bounded(ctx)
	defer cancel()
	err := s.transact(bounded, how, work)
	if err != nil && ctx.Err() == nil && s.Shared() && !errors.Is(err, ErrLost) {
		// The other connections may lead to where this one did: to a server that is gone, or that does not take writes any more.
		s.db.SetMaxIdleConns(0)
		s.db.SetMaxIdleConns(connections)
	}
	return err
}

// transact does work in a transaction, however long it takes.
func (s *Store) transact(ctx context.Context, how mode, work work) error {
	if !s.Shared() {
		select {
		case s.writing <- struct{}{}:
			defer func() { <-s.writing }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if flush := how == flushed; flush != s.flushes {
			if _, err := s.db.ExecContext(ctx, "PRAGMA synchronous = "+map[bool]string{true: "FULL", false: "NORMAL"}[flush]); err != nil {
				return err
			}
			s.flushes = flush
		}
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	now := s.now().UnixMilli()
	if begin := s.dialect.begin[how]; begin != "" {
		var set string
		err = tx.QueryRowContext(ctx, begin).Scan(&set, &now)
	}
	if err == nil {
		err = work(ctx, tx, now)
	}
	if err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// ignoreDone leaves out that a transaction has ended already, as it does with its context.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// errInUse says that another process has the database.
var errInUse = errors.New("another process uses it; several replicas need PostgreSQL")

// open makes the file whose lock keeps other processes out.
func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
