package checkout

import "os"

// GitProcess is the git that r reads by, nil where none is running.
func (r *Repo) GitProcess() *os.Process {
	if r.objects.running == nil {
		return nil
	}
	return r.objects.running.cmd.Process
}
