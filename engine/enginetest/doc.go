// Package enginetest gives tests a real Kubernetes API server with its controllers, and the evidence of
// what happened to it.
//
// The cluster is the one of testdata/cluster: kube-apiserver, etcd, the controllers, the scheduler, and
// kwok, which plays the nodes. [Start] starts one a test binary, or uses the running one that the
// environment variable WEIGHLOCK_TEST_CLUSTER names (the path of its env.json). Tests share it and run in
// parallel: each takes a namespace ([Cluster.Namespace]) and, where it asks who did what, an identity
// ([Cluster.Identity]) of its own.
//
// What a program did is told by the API server's audit log, not by the program:
//
//	me := c.Identity(t)
//	log := c.Audit(t)
//	preview(me.Kubeconfig)
//	if writes := log.Since(t).By(me).Writes(); len(writes) > 0 { … }
//
// Pods do what their labels and annotations say: they become ready at once, or after the duration in the
// annotation conf/ready-delay, or, with the label conf/never-ready, never. A Job's pod then succeeds at
// once, or after the annotation conf/run-delay; with the label conf/fail it fails.
package enginetest
