// Package pyyaml reads and writes YAML as PyYAML's SafeLoader and SafeDumper
// do: YAML 1.1 scalars (yes is true, 012 is ten), and the layout of
// yaml.dump(…, default_flow_style=False) byte for byte.
//
// Values are those of package py.
package pyyaml
