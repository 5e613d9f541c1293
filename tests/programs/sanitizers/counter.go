// Go's race detector: two goroutines add to a counter without a lock; a mutex would have been right.
package main

import (
	"fmt"
	"sync"
)

func main() {
	var wait sync.WaitGroup
	counter := 0
	for i := 0; i < 2; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for j := 0; j < 10; j++ {
				counter++
			}
		}()
	}
	wait.Wait()
	fmt.Println("counted")
}
