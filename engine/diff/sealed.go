package diff

import (
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// sealedValues are the encrypted values of a SealedSecret.
var sealedValues = object.Path{{Field: "spec"}, {Field: "encryptedData"}}

// concealSealed takes the values of a SealedSecret out of what is shown: each sealing gives others, so that they tell nothing.
// The digest has them.
func concealSealed(c *Change) {
	if c.Ref.Group != "bitnami.com" || c.Ref.Kind != "SealedSecret" {
		return
	}
	var sealedAgain []string
	for i, f := range c.Fields {
		if !f.Path.HasPrefix(sealedValues) || len(f.Path) == len(sealedValues) {
			continue
		}
		if f.Op == Modify {
			sealedAgain = append(sealedAgain, f.Path.String())
		}
		c.Fields[i].Secret, c.Fields[i].Old, c.Fields[i].New = true, nil, nil
	}
	if sealedAgain != nil {
		c.Notes = append(c.Notes, "sealed again: "+strings.Join(sealedAgain, ", ")+"; whether the value itself is another one cannot be told")
	}
}
