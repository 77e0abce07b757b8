//go:build !unix

package queue

// lockFile makes the file; there is no lock here that ends with the process.
func lockFile(path string) (func() error, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	return f.Close, nil
}
