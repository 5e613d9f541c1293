"""Eight clients of memcached at once, over plain sockets: what they stored is what they get."""

import socket
import sys
import threading

CLIENTS, ROUNDS = 8, 100


def client(number: int, port: int, sums: list[int]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        replies = connection.makefile("rb")
        for turn in range(ROUNDS):
            value = b"%d-%d" % (number, turn) * (turn + 1)
            request = b"set k%d.%d 0 0 %d\r\n%s\r\nget k%d.%d\r\nincr shared 1\r\n"
            connection.sendall(request % (number, turn, len(value), value, number, turn))
            assert replies.readline() == b"STORED\r\n"
            assert replies.readline().startswith(b"VALUE")
            assert replies.readline() == value + b"\r\n"
            assert replies.readline() == b"END\r\n"
            sums[number] += int(replies.readline())


def main() -> None:
    port = int(sys.argv[1])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"set shared 0 0 1\r\n0\r\n")
        assert connection.recv(100) == b"STORED\r\n"
    sums = [0] * CLIENTS
    threads = [threading.Thread(target=client, args=(n, port, sums)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("sum of all increments:", sum(sums))


main()
