package checkout

import "sync"

// known is what git was asked already and will not answer otherwise: what an object's id stands for does not change.
type known struct {
	mu      sync.Mutex
	here    map[string]bool // objects that are at hand; what is not here may come
	commits map[string]Commit
	merges  map[[2]string]Tree // by base and head
	listed  map[string][]entry // trees
	entries int                // in listed
}

// maxListed is how many entries of trees are kept: the trees that a pull request is about have most of their directories in
// common.
const maxListed = 100_000

// lacking are the ids of objects that were not at hand when somebody looked.
func (k *known) lacking(ids []string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for _, id := range ids {
		if !k.here[id] {
			out = append(out, id)
		}
	}
	return out
}

// found notes that objects are at hand, but for those that are missing.
func (k *known) found(ids, missing []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.here == nil {
		k.here = map[string]bool{}
	}
	for _, id := range ids {
		k.here[id] = true
	}
	for _, id := range missing {
		delete(k.here, id)
	}
}

func (k *known) commit(id string) (Commit, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.commits[id]
	return c, ok
}

func (k *known) keepCommit(c Commit) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.commits == nil {
		k.commits = map[string]Commit{}
	}
	k.commits[c.ID] = c
}

func (k *known) merge(base, head string) (Tree, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t, ok := k.merges[[2]string{base, head}]
	return t, ok
}

func (k *known) keepMerge(t Tree) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.merges == nil {
		k.merges = map[[2]string]Tree{}
	}
	k.merges[[2]string{t.Base, t.Head}] = t
}

// trees adds what it knows of trees, and returns those that it does not know, each once.
func (k *known) trees(ids []string, to map[string][]entry) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var left []string
	asked := map[string]bool{}
	for _, id := range ids {
		if entries, ok := k.listed[id]; ok {
			to[id] = entries
		} else if !asked[id] {
			asked[id] = true
			left = append(left, id)
		}
	}
	return left
}

func (k *known) keepTree(id string, entries []entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entries += len(entries) + 1; k.entries > maxListed {
		return
	}
	if k.listed == nil {
		k.listed = map[string][]entry{}
	}
	k.listed[id] = entries
}
