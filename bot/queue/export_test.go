package queue

import "strings"

// Versions are how many versions of the schema there are.
var Versions = len(migrations)

// Schema are the statements that make a schema of an earlier version.
func Schema(version int, shared bool) []string {
	d := sqlite
	if shared {
		d = postgres
	}
	out := []string{"CREATE TABLE weighlock_schema (version BIGINT NOT NULL)"}
	for _, m := range migrations[:version] {
		for statement := range strings.SplitSeq(d.replace.Replace(m), ";") {
			if strings.TrimSpace(statement) != "" {
				out = append(out, statement)
			}
		}
		out = append(out, "INSERT INTO weighlock_schema (version) SELECT count(*) + 1 FROM weighlock_schema")
	}
	return out
}
