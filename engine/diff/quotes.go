package diff

import "regexp"

// quoting notes of a text about the object that it may quote values, and what is told without them. It returns the text.
func (c *Change) quoting(text, without string) string {
	if c.quotes == nil {
		c.quotes = map[string]string{}
	}
	c.quotes[text] = without
	return text
}

// WithoutValues is one of the object's notes or warnings for those who may not see what objects hold.
func (c *Change) WithoutValues(text string) string {
	if without, ok := c.quotes[text]; ok {
		return without
	}
	return text
}

// told adds warnings of the API server. All but a few may be anybody's words: policies and webhooks warn, too.
func (c *Change) told(warnings []string) {
	for _, w := range warnings {
		if !harmless.MatchString(w) {
			c.quoting(w, "the API server warns of it; weighlock diff shows its words, which may quote values")
		}
	}
	c.addWarnings(warnings)
}

// harmless are the API server's own warnings that name versions, fields and levels alone.
var harmless = regexp.MustCompile(`^\S+ \S+ is deprecated in v1\.\d+\+|^would violate PodSecurity "`)

// words masks the object's notes and warnings, and completes those about conflicts with what may be seen of the values.
func (k *masker) words(c *Change) {
	quotes := c.quotes
	c.quotes = nil
	mask := func(texts []string) {
		for i, text := range texts {
			texts[i] = c.MaskText(text)
			if without, ok := quotes[text]; ok {
				c.quoting(texts[i], c.MaskText(without))
			}
		}
	}
	mask(c.Warnings)
	mask(c.Notes)
}

// sides adds to the warnings about conflicts what may be seen of the two values. was are the conflicts as the warnings have them.
func (c *Change) sides(was []Conflict) {
	for i, f := range c.Conflicts {
		values := f.values(c.Ref)
		if f.Resolution != Kept || values == "" {
			continue
		}
		for j, w := range c.Warnings {
			if w == was[i].kept("") {
				c.Warnings[j] = c.quoting(f.kept(values), f.kept(""))
			}
		}
	}
}
