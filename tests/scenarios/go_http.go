// A Go HTTP server and its clients in one static binary: eight goroutines, keep-alive, 1 MB bodies.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

const clients, rounds, bodyBytes = 8, 20, 1 << 20

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	check(err)
	w.Header().Set("X-Asked", r.URL.Query().Get("n"))
	_, err = w.Write(body)
	check(err)
}

func check(err error) {
	if err != nil {
		fmt.Println("error:", strings.ReplaceAll(err.Error(), os.Getenv("PORT"), "PORT"))
		os.Exit(1)
	}
}

func ask(client *http.Client, url string, n int) [32]byte {
	body := bytes.Repeat([]byte{byte(n)}, n%7*1000)
	if n%rounds == 0 {
		body = make([]byte, bodyBytes)
		for i := 0; i < bodyBytes; i += 8 {
			binary.LittleEndian.PutUint64(body[i:], uint64(i*n))
		}
	}
	reply, err := client.Post(fmt.Sprintf("%s/echo?n=%d", url, n), "text/plain", bytes.NewReader(body))
	check(err)
	defer reply.Body.Close()
	got, err := io.ReadAll(reply.Body)
	check(err)
	if !bytes.Equal(got, body) || reply.Header.Get("X-Asked") != fmt.Sprint(n) {
		fmt.Println("another answer to", n)
	}
	return sha256.Sum256(got)
}

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "7001"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	check(err)
	http.HandleFunc("/echo", echo)
	go http.Serve(listener, nil)

	var answered atomic.Int64
	var group sync.WaitGroup
	sums := make([][32]byte, clients*rounds)
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	for c := 0; c < clients; c++ {
		group.Add(1)
		go func(c int) {
			defer group.Done()
			client := &http.Client{Transport: transport}
			for n := c * rounds; n < (c+1)*rounds; n++ {
				sums[n] = ask(client, "http://localhost:"+port, n)
				answered.Add(1)
			}
		}(c)
	}
	group.Wait()
	whole := sha256.New()
	for _, sum := range sums {
		whole.Write(sum[:])
	}
	fmt.Printf("%d answers, %x\n", answered.Load(), whole.Sum(nil)[:8])
	listener.Close()
	_, err = (&http.Client{}).Get("http://localhost:" + port + "/echo")
	fmt.Println("after the close:", err != nil)
}
