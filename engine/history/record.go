package history

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/weighlock/weighlock/engine/report"
)

// An Outcome is what a run came to.
type Outcome string

// The outcomes.
const (
	Succeeded Outcome = "succeeded"
	// Failed is for a run some of whose objects failed.
	Failed Outcome = "failed"
	// Interrupted is for a run that was told to stop, or lost its lock.
	Interrupted Outcome = "interrupted"
)

// An Entry is what a list of records shows of one. Its names are stable.
type Entry struct {
	ID string `json:"id"`
	// Command is what was run, such as "deploy".
	Command       string `json:"command"`
	Target        string `json:"target"`
	Discriminator string `json:"discriminator"`
	// Person is who started the run, Holder what names it, such as the address of a CI job.
	Person string `json:"person"`
	Holder string `json:"holder"`
	// Commit is what was deployed, as far as that is known.
	Commit string `json:"commit,omitempty"`
	// Onto is the commit that it was merged onto for that, if it was; Tree is the id of git's tree that came of it.
	Onto      string    `json:"onto,omitempty"`
	Tree      string    `json:"tree,omitempty"`
	StartTime time.Time `json:"startTime"`
	EndTime   time.Time `json:"endTime"`
	Outcome   Outcome   `json:"outcome"`
	// Summary is the outcome in words: how many objects were created, changed and so on.
	Summary string `json:"summary"`
	Digest  string `json:"digest"`
	// Namespaces are those in which the target has objects after the run.
	Namespaces []string `json:"namespaces,omitempty"`
	// Partial says that the run dealt with some of the target's objects only.
	Partial bool `json:"partial,omitempty"`
	// Shortened says what was left out of a record that was too large.
	Shortened string `json:"shortened,omitempty"`
}

// NewID makes the ID of an entry: ordered by time, and different for each run of a target.
func (e Entry) NewID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d", e.Discriminator, e.Holder, e.StartTime.UnixNano()))
	return e.StartTime.UTC().Format("20060102t150405") + "-" + hex.EncodeToString(sum[:3])
}

// A Record is the whole account of a run.
type Record struct {
	Entry Entry `json:"entry"`
	// Document is the result for programs, Text for people; secret values are masked in both.
	Document report.Document `json:"document"`
	Text     string          `json:"text"`
}

// maxText bounds what decoding reads: the records are ours, but others may be able to write them.
const maxText = 256 << 20

// Encode writes a record in at most max bytes, compressed. What had to be left out is named in the entry that it returns
// and has written.
func Encode(r Record, max int) ([]byte, Entry, error) {
	for level := 0; ; level++ {
		short := shorten(r, level)
		data, err := compress(short)
		if err != nil || len(data) <= max {
			return data, short.Entry, err
		}
		if level == lastLevel {
			return nil, short.Entry, fmt.Errorf("the result is too large to be stored: %d bytes even when shortened, and %d fit", len(data), max)
		}
	}
}

func compress(r Record) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if err := json.NewEncoder(w).Encode(r); err != nil {
		return nil, fmt.Errorf("encoding the result: %w", err)
	}
	err := w.Close()
	return b.Bytes(), err
}

// Decode reads what [Encode] has written.
func Decode(data []byte) (*Record, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("it is not a stored result: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxText+1))
	if err != nil {
		return nil, fmt.Errorf("it is not a stored result: %w", err)
	}
	if len(text) > maxText {
		return nil, fmt.Errorf("it is larger than %d bytes", maxText)
	}
	r := &Record{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // large numbers stay what they are
	if err := decoder.Decode(r); err != nil {
		return nil, fmt.Errorf("it is not a stored result: %w", err)
	}
	return r, nil
}
