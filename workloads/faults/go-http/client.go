// A server and a client that asks it for bodies of known content; "got" for each that net/http said
// was whole, and "wrong" where it was another.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

func body(n int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("line %d of a body\n", n)), 500*(n+1))
}

func answer(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	sent, err := io.ReadAll(r.Body)
	if err != nil || (r.Method == "POST" && !bytes.Equal(sent, body(n))) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if n%2 == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body(n))))
	}
	w.Write(body(n))
}

func ask(client *http.Client, n int) error {
	url := fmt.Sprintf("http://127.0.0.1:8081/?n=%d", n)
	response, err := client.Get(url)
	if n%3 == 0 && err == nil {
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		response, err = client.Post(url, "text/plain", bytes.NewReader(body(n)))
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", response.Status)
	}
	if !bytes.Equal(got, body(n)) {
		fmt.Println("wrong", n, len(got))
		return nil
	}
	fmt.Println("got", n)
	return nil
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:8081")
	if err != nil {
		panic(err)
	}
	go http.Serve(listener, http.HandlerFunc(answer))
	client := &http.Client{Timeout: 30 * time.Second}
	for n := 0; n < 20; n++ {
		if err := ask(client, n); err != nil {
			fmt.Println("failed", n, err)
		}
	}
}
