package main

import (
	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// quiet keeps the client libraries of clusters from writing to standard error: nobody has masked what they log, and it is
// told by errors and by --debug where it matters. It is for the whole process.
func quiet() { klog.SetLogger(logr.Discard()) }
