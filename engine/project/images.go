package project

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// A FixedImage says which image stands where a template asks for one by images.get_image (project format §7). Empty
// filters match everywhere.
type FixedImage struct {
	// Image is the name that templates ask for; ImageRegex matches names instead.
	Image       string `json:"image,omitempty"`
	ImageRegex  string `json:"imageRegex,omitempty"`
	ResultImage string `json:"resultImage"`
	Namespace   string `json:"namespace,omitempty"`
	// Deployment is "Kind/name", Container the container's name.
	Deployment string `json:"deployment,omitempty"`
	Container  string `json:"container,omitempty"`
	// The rest is what list-images tells besides; it is read and not used.
	DeployedImage string          `json:"deployedImage,omitempty"`
	DeploymentDir string          `json:"deploymentDir,omitempty"`
	DeployTags    []string        `json:"deployTags,omitempty"`
	Object        json.RawMessage `json:"object,omitempty"`
}

// Check finds an entry that says too little or too much.
func (f *FixedImage) Check(fail func(key, format string, args ...any)) {
	if (f.Image == "") == (f.ImageRegex == "") {
		fail("", "needs image or imageRegex, one of them")
	}
	if f.ResultImage == "" {
		fail("resultImage", "is required")
	}
	if strings.Contains(f.ImageRegex, "{{") {
		return // a template; what it gives is checked when the target is built
	}
	if _, err := regexp.Compile(f.ImageRegex); err != nil {
		fail("imageRegex", "%v", err)
	}
}

// An ImageUse is one place where a template asks for an image.
type ImageUse struct {
	Image, Namespace, Deployment, Container string
}

// Resolve returns the image for a use: the last entry that matches wins.
func Resolve(images []FixedImage, use ImageUse) (string, bool) {
	for i := len(images) - 1; i >= 0; i-- {
		if images[i].matches(use) {
			return images[i].ResultImage, true
		}
	}
	return "", false
}

func (f FixedImage) matches(u ImageUse) bool {
	if f.Image != "" && f.Image != u.Image {
		return false
	}
	if f.ImageRegex != "" {
		if re, err := regexp.Compile(f.ImageRegex); err != nil || !re.MatchString(u.Image) {
			return false
		}
	}
	return (f.Namespace == "" || f.Namespace == u.Namespace) && (f.Deployment == "" || f.Deployment == u.Deployment) &&
		(f.Container == "" || f.Container == u.Container)
}

// ParseFixedImage reads image[:namespace[:Kind/name[:container]]]=result.
func ParseFixedImage(s string) (FixedImage, error) {
	left, result, ok := strings.Cut(s, "=")
	parts := strings.Split(left, ":")
	if !ok || parts[0] == "" || result == "" || len(parts) > 4 {
		return FixedImage{}, fmt.Errorf("fixed-image %q: expected image[:namespace[:Kind/name[:container]]]=result", s)
	}
	parts = append(parts, "", "", "")
	return FixedImage{Image: parts[0], ResultImage: result, Namespace: parts[1], Deployment: parts[2], Container: parts[3]}, nil
}

// ReadFixedImages reads a file of fixed images, as list-images prints it.
func ReadFixedImages(file string, data []byte) ([]FixedImage, error) {
	var doc struct {
		Images []FixedImage `json:"images"`
	}
	err := yamldoc.Decode(file, data, &doc)
	return doc.Images, err
}

// VarImages are the fixed images that the variable images holds.
func VarImages(vars Vars) []FixedImage { return imagesOf(vars["images"]) }

// imagesOf reads fixed images out of decoded values; what is none is passed over.
func imagesOf(v any) []FixedImage {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var out []FixedImage
	if json.Unmarshal(data, &out) != nil {
		return nil
	}
	return out
}

// imageTree is fixed images as templates see them.
func imageTree(images []FixedImage) any {
	list := make([]any, 0, len(images))
	for _, f := range images {
		one := map[string]any{}
		data, err := json.Marshal(f)
		if err == nil && json.Unmarshal(data, &one) == nil {
			list = append(list, one)
		}
	}
	return list
}

// A template's request for an image is a text that survives YAML, Helm and kustomize, and that nobody writes.
const requestStart, requestEnd = "XXXXXbegin_get_image_", "_end_get_imageXXXXX"

var imageRequest = regexp.MustCompile(requestStart + "([0-9a-f]*)" + requestEnd)

// HasImageRequest says whether a text holds what images.get_image left.
func HasImageRequest(s string) bool { return strings.Contains(s, requestStart) }

// ReplaceImageRequests replaces what images.get_image left in a text.
func ReplaceImageRequests(s string, image func(name string) string) string {
	if !HasImageRequest(s) {
		return s
	}
	return imageRequest.ReplaceAllStringFunc(s, func(request string) string {
		name, err := hex.DecodeString(imageRequest.FindStringSubmatch(request)[1])
		if err != nil {
			return request
		}
		return image(string(name))
	})
}

// imageFunctions is what templates see as images.
var imageFunctions = map[string]any{"images": imagesNamespace()}

func imagesNamespace() *py.Dict {
	d := py.NewDict(1)
	d.SetString("get_image", py.NewFunc("get_image", "image", func(_ *py.Thread, args []py.Value) (py.Value, error) {
		name, ok := py.IsString(args[0])
		if !ok {
			return nil, py.TypeErrorf("images.get_image takes the image's name as text")
		}
		return py.FromGo(requestStart + hex.EncodeToString([]byte(name)) + requestEnd), nil
	}))
	return d
}
