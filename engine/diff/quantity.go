package diff

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/weighlock/weighlock/engine/object"
)

// sameQuantity says whether two values are the same quantity in different forms, such as 1000m and 1.
func sameQuantity(a, b any) bool {
	x, errX := resource.ParseQuantity(object.ScalarText(a))
	y, errY := resource.ParseQuantity(object.ScalarText(b))
	return errX == nil && errY == nil && x.Cmp(y) == 0
}
