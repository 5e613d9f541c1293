// Goroutines, channels, mutexes, timers, and collections enough.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

type node struct {
	next *node
	data [64]byte
}

func main() {
	var mutex sync.Mutex
	var group sync.WaitGroup
	counts := map[int]int{}
	work, done := make(chan int), make(chan int, 16)
	for w := 0; w < 8; w++ {
		group.Add(1)
		go func(w int) {
			defer group.Done()
			var list *node
			for n := range work {
				for i := 0; i < 200; i++ {
					list = &node{next: list}
				}
				if n%10 == 0 {
					list = nil
					time.Sleep(time.Duration(n) * time.Microsecond)
				}
				mutex.Lock()
				counts[w]++
				mutex.Unlock()
				done <- n
			}
		}(w)
	}
	go func() {
		for i := 0; i < 800; i++ {
			if i%20 == 0 {
				runtime.GC()
			}
			work <- i
		}
		close(work)
		group.Wait()
		close(done)
	}()
	sum, ticks := 0, 0
	ticker := time.NewTicker(time.Millisecond)
	timeout := time.After(time.Hour)
loop:
	for {
		select {
		case n, ok := <-done:
			if !ok {
				break loop
			}
			sum += n
		case <-ticker.C:
			ticks++
		case <-timeout:
			os.Exit(3)
		}
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	if sum != 799*400 || stats.NumGC < 30 {
		fmt.Println("wrong:", sum, stats.NumGC)
		os.Exit(1)
	}
	fmt.Println(counts, stats.NumGC, ticks)
}
