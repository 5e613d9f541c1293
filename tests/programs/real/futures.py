"""concurrent.futures: threads and processes, results as they come."""

import concurrent.futures as cf
import hashlib
import time


def digest(n):
    time.sleep(n % 3 / 1000)
    return n, hashlib.sha256(bytes(n)).hexdigest()


def main():
    for pool in (cf.ThreadPoolExecutor(4), cf.ProcessPoolExecutor(3)):
        with pool:
            done = [
                f.result()[0] for f in cf.as_completed(pool.submit(digest, n) for n in range(40))
            ]
            assert sorted(done) == list(range(40))
            print(done)


if __name__ == "__main__":
    main()
