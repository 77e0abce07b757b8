package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/report"
)

// memory is a store for what needs no cluster: which records stay. The real one is tested with package kube.
type memory struct {
	entries []history.Entry
	data    map[string][]byte
}

func (m *memory) Put(_ context.Context, e history.Entry, data []byte) error {
	if m.data == nil {
		m.data = map[string][]byte{}
	}
	m.entries, m.data[e.ID] = slices.Insert(m.entries, 0, e), data
	return nil
}

func (m *memory) List(_ context.Context, discriminator string) ([]history.Entry, error) {
	var out []history.Entry
	for _, e := range m.entries {
		if discriminator == "" || e.Discriminator == discriminator {
			out = append(out, e)
		}
	}
	return out, nil
}

func (m *memory) Get(_ context.Context, id string) ([]byte, error) { return m.data[id], nil }

func (m *memory) Remove(_ context.Context, id string) error {
	m.entries = slices.DeleteFunc(m.entries, func(e history.Entry) bool { return e.ID == id })
	delete(m.data, id)
	return nil
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

func entry(n int) history.Entry {
	at := start.Add(time.Duration(n) * time.Minute)
	return history.Entry{Command: "deploy", Target: "prod", Discriminator: "d", Holder: "h", Outcome: history.Succeeded, StartTime: at, EndTime: at.Add(time.Second)}
}

func TestTheNewestRecordsOfATargetStay(t *testing.T) {
	t.Parallel()
	m := &memory{}
	other := entry(0)
	other.Discriminator = "other"
	for _, e := range []history.Entry{other, entry(1), entry(2), entry(3), entry(4)} {
		if err := history.Write(t.Context(), m, history.Record{Entry: e}, 2); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range m.entries {
		got = append(got, e.Discriminator+" "+e.StartTime.Format("15:04"))
	}
	if want := []string{"d 03:08", "d 03:07", "other 03:04"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	m := &memory{}
	want := history.Record{Entry: entry(1), Text: "New objects:\n", Document: document(2, "v")}
	want.Entry.ID = want.Entry.NewID()
	if err := history.Write(t.Context(), m, want, 0); err != nil {
		t.Fatal(err)
	}
	got, err := history.Read(t.Context(), m, want.Entry.ID)
	if err != nil {
		t.Fatal(err)
	}
	if text(t, got) != text(t, want) {
		t.Errorf("got  %s\nwant %s", text(t, got), text(t, want))
	}
	if got, err := history.Read(t.Context(), m, "other"); got != nil || err != nil {
		t.Errorf("one that is not there: got %v, %v", got, err)
	}
	m.data[want.Entry.ID] = []byte("junk")
	if _, err := history.Read(t.Context(), m, want.Entry.ID); err == nil || !strings.Contains(err.Error(), want.Entry.ID) {
		t.Errorf("junk: got %v", err)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// document has n objects, each with a change to value, an error and a warning.
func document(n int, value string) report.Document {
	doc := report.Document{Target: "prod", Digest: "abc", Objects: []report.DocumentObject{}}
	for i := range n {
		ref := object.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "ns", Name: fmt.Sprint("m", i)}
		doc.Objects = append(doc.Objects, report.DocumentObject{
			Ref: ref, Op: diff.Update, Status: "failed",
			Changes: []report.DocumentChange{{Type: diff.Modify, Path: "data.k", JSONPath: "data.k", NewValue: value}},
		})
		doc.Errors = append(doc.Errors, report.DocumentMessage{Ref: &ref, Message: "refused: " + value})
	}
	return doc
}

// objects are n new ones with long names that have nothing in common.
func objects(n int) report.Document {
	names := random(100 * n)
	doc := report.Document{Target: "prod"}
	for i := range n {
		doc.Objects = append(doc.Objects, report.DocumentObject{Ref: object.Ref{Kind: "ConfigMap", Name: names[100*i : 100*(i+1)]}, Op: diff.Create})
	}
	return doc
}

// failures are n objects with long errors that have nothing in common.
func failures(n int) report.Document {
	texts := random(2000 * n)
	doc := document(n, "v")
	for i := range doc.Errors {
		doc.Errors[i].Message = texts[2000*i : 2000*(i+1)]
	}
	return doc
}

// random is text that does not compress.
func random(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + r.IntN(95))
	}
	return string(b)
}

func TestARecordThatIsTooLargeIsShortenedAndSaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		record  history.Record
		objects int
		want    string
	}{
		{"a large value", history.Record{Document: func() report.Document { d := document(1, random(3<<20)); d.Errors = nil; return d }(), Text: random(2<<20) + "\n1 failed\n"}, 1, "the differences of fields are left out"},
		{"many long errors", history.Record{Document: failures(1000)}, 1000, "messages are cut"},
		{"far too many objects", history.Record{Document: objects(20_000)}, 0, "all objects are left out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data, e, err := history.Encode(c.record, history.MaxSize)
			if err != nil {
				t.Fatal(err)
			}
			if len(data) > history.MaxSize {
				t.Errorf("it has %d bytes", len(data))
			}
			r, err := history.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(e.Shortened, c.want) || r.Entry.Shortened != e.Shortened {
				t.Fatalf("got %q and %q, want %q", e.Shortened, r.Entry.Shortened, c.want)
			}
			if len(r.Document.Objects) != c.objects {
				t.Errorf("%d objects are left, want %d", len(r.Document.Objects), c.objects)
			}
			last := r.Document.Warnings[len(r.Document.Warnings)-1].Message
			if !strings.Contains(last, c.want) || !strings.Contains(r.Text, c.want) {
				t.Errorf("neither warning %q nor text say what is left out", last)
			}
			if len(c.record.Text) > 0 && !strings.Contains(r.Text, "\n1 failed\n") {
				t.Error("the end of the text is lost")
			}
			if len(c.record.Document.Errors) > 0 && len(r.Document.Errors) == 0 {
				t.Error("the errors are lost")
			}
		})
	}
}

func TestOrphansAreLookedForWhereTheLastWholeRunHadObjects(t *testing.T) {
	t.Parallel()
	m := &memory{}
	for i, e := range []struct {
		namespaces []string
		outcome    history.Outcome
		partial    bool
	}{
		{[]string{"long-gone"}, history.Succeeded, false},
		{[]string{"a", "b"}, history.Succeeded, false},
		{[]string{"c"}, history.Failed, false},
		{[]string{"b", "d"}, history.Succeeded, true},
	} {
		record := history.Record{Entry: entry(i)}
		record.Entry.Namespaces, record.Entry.Outcome, record.Entry.Partial = e.namespaces, e.outcome, e.partial
		if err := history.Write(t.Context(), m, record, 0); err != nil {
			t.Fatal(err)
		}
	}
	got, err := history.Namespaces(t.Context(), m, "d")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
