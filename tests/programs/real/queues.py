"""CPython threads with queues, locks, events, timers and sleeps."""

import queue
import random
import threading
import time

work, results = queue.Queue(maxsize=4), queue.Queue()
lock, gate = threading.Lock(), threading.Event()
order = []


def worker(number):
    gate.wait()
    while (item := work.get()) is not None:
        time.sleep(random.random() / 100)
        with lock:
            order.append((number, item))
        results.put(item * item)
        work.task_done()
    work.task_done()


threads = [threading.Thread(target=worker, args=(i,)) for i in range(5)]
for t in threads:
    t.start()
timer = threading.Timer(0.01, gate.set)
timer.start()
for item in [*range(60), *[None] * 5]:
    work.put(item)
work.join()
for t in threads:
    t.join()
assert sum(results.queue) == sum(i * i for i in range(60))
print(order, time.time())
