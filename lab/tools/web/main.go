// web is what the lab's tests deploy: every request, HTTP or a line of plain TCP, is answered with the host name and
// the node (environment variable NODE), so a test sees who answered.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func answer() string {
	host, err := os.Hostname()
	if err != nil {
		host = err.Error()
	}
	return fmt.Sprintf("%s on %s\n", host, os.Getenv("NODE"))
}

// serveLines answers each line that is sent, as a simple TCP service (a redis, say) does.
func serveLines(listener net.Listener) error {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			for lines := bufio.NewScanner(connection); lines.Scan(); {
				if _, err := fmt.Fprint(connection, answer()); err != nil {
					return
				}
			}
		}()
	}
}

func main() {
	if address := os.Getenv("TCP_LISTEN"); address != "" {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			log.Fatal(err)
		}
		go func() { log.Fatal(serveLines(listener)) }()
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer()) })
	log.Fatal(http.ListenAndServe(":8080", nil))
}
