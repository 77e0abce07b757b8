package helm

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v2"
	"helm.sh/helm/v3/pkg/releaseutil"
)

// writeDocuments writes a file of several documents.
func writeDocuments(b *bytes.Buffer, source, text string) error {
	docs := releaseutil.SplitManifests(text)
	keys := make([]string, 0, len(docs))
	for k := range docs {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if (releaseutil.BySplitManifestsOrder{a, b}).Less(0, 1) {
			return -1
		}
		return 1
	})
	for _, k := range keys {
		if err := writeDocument(b, source, docs[k]); err != nil {
			return err
		}
	}
	return nil
}

// writeDocument writes one document in plain form: what Kubernetes' YAML reader, which is this one, understands it to say. Later
// stages then need no opinion on duplicate keys, anchors or old-style booleans. Null documents are left out.
func writeDocument(b *bytes.Buffer, source, text string) error {
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	if doc == nil {
		return nil
	}
	doc, err := textKeys(doc)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	data, err := yaml.Marshal(doc)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	fmt.Fprintf(b, "---\n# Source: %s\n%s", source, data)
	return nil
}

// textKeys turns all keys into text, as JSON needs them.
func textKeys(v any) (any, error) {
	switch v := v.(type) {
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			key, err := keyText(k)
			if err != nil {
				return nil, err
			}
			if out[key], err = textKeys(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		for i, e := range v {
			var err error
			if v[i], err = textKeys(e); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func keyText(k any) (string, error) {
	switch k := k.(type) {
	case string:
		return k, nil
	case int:
		return strconv.Itoa(k), nil
	case bool:
		return strconv.FormatBool(k), nil
	case float64:
		return strconv.FormatFloat(k, 'g', -1, 32), nil // of 32 bits, as the reference has it
	}
	return "", fmt.Errorf("found %v as a key, expected text", k)
}
