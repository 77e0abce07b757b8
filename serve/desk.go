package serve

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/weighlock/weighlock/bot/queue"
)

// entriesMost is how many items are listed, of those that are open and of those that have failed.
const entriesMost = 500

// desk is where an operator looks into the queue and has what failed tried again. What it tells names repositories and pull requests, so it
// answers the server's own host alone, where kubectl's exec and port-forward come from, too.
func (s *Server) desk() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /queue", func(w http.ResponseWriter, req *http.Request) {
		all, err := s.store.Entries(req.Context(), entriesMost)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(Queue{Items: all}) // who asks has gone
	})
	mux.HandleFunc("POST /queue/{id}/retry", func(w http.ResponseWriter, req *http.Request) {
		id, err := strconv.ParseInt(req.PathValue("id"), 10, 64)
		if err != nil {
			http.Error(w, "an item's ID is a number", http.StatusBadRequest)
			return
		}
		again, err := s.store.Again(req.Context(), id)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case !again:
			http.Error(w, fmt.Sprintf("there is no item %d that has failed", id), http.StatusNotFound)
		default:
			s.log.WarnContext(req.Context(), "what has failed is tried again: an operator asks for it", "item", id)
			fmt.Fprintln(w, "ok")
		}
	})
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		host, _, err := net.SplitHostPort(req.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			http.Error(w, "this is for the server's own host: use kubectl exec or port-forward", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, req)
	}))
}

// A Queue is what the server tells of its queue.
type Queue struct {
	Items []queue.Entry `json:"items"`
}
