package enginetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// FormsOf are the texts that tell a secret, by what they are. Those in base64 are without the letters at the ends that belong
// to its neighbours, too.
func FormsOf(secret string) map[string]string {
	forms := map[string]string{"as it is": secret, "in a query": url.QueryEscape(secret), "in a path": url.PathEscape(secret)}
	quoted, _ := json.Marshal(secret) // a string has no error
	forms["in JSON"] = strings.Trim(string(quoted), `"`)
	for offset := range 3 {
		e := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + secret))
		forms[fmt.Sprintf("in base64 at %d", offset)] = e[(8*offset+5)/6 : 8*(offset+len(secret))/6]
	}
	return forms
}
