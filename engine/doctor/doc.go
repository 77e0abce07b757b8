// Package doctor proves that identities can do in a cluster what is asked of them, and nothing that they must not.
//
// It asks the cluster, by questions that change nothing: what they would write is there already, or they are dry runs. What no number of questions
// could show, that all is refused and not just what was asked, is read: the policies and how they are bound are judged by rules that find gaps, say
// of what they do not understand that they do not, and call nothing proven but what is.
package doctor
