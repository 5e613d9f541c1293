"""multiprocessing: queues, pipes, locks, a pool, shared memory."""

import multiprocessing as mp
import os


def square(n):
    return n * n


def producer(queue, lock, counter, number):
    for i in range(10):
        with lock:
            counter.value += 1
        queue.put((number, i, os.getpid()))


def main():
    queue, lock, counter = mp.Queue(), mp.Lock(), mp.Value("i", 0)
    children = [mp.Process(target=producer, args=(queue, lock, counter, n)) for n in range(3)]
    for child in children:
        child.start()
    seen = [queue.get() for _ in range(30)]
    for child in children:
        child.join()
    assert counter.value == 30
    with mp.Pool(3) as pool:
        assert pool.map(square, range(50)) == [n * n for n in range(50)]
        unordered = list(pool.imap_unordered(square, range(20)))
    print(seen, unordered)


if __name__ == "__main__":
    main()
