"""http.server in threads, urllib in others: files, POST, errors, and an XML-RPC call."""

from __future__ import annotations

import hashlib
import os
import threading
import urllib.error
import urllib.request
import xmlrpc.client
import xmlrpc.server
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = int(os.environ.get("PORT", "7001"))
URL = f"http://localhost:{PORT}"


class Handler(SimpleHTTPRequestHandler):
    """Files of the working directory; POST gives the body's hash."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = hashlib.sha256(body).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def fetch(number: int) -> bool:
    with urllib.request.urlopen(f"{URL}/file{number % 3}") as reply:
        return reply.read() == Path(f"file{number % 3}").read_bytes()


def post(number: int) -> bool:
    body = os.urandom(1000 * number)
    with urllib.request.urlopen(URL, data=body) as reply:
        return reply.read().decode() == hashlib.sha256(body).hexdigest()


def main() -> None:
    for number in range(3):
        Path(f"file{number}").write_bytes(b"%d\n" % number * 300_000)
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with ThreadPoolExecutor(10) as pool:
        print("fetched:", sum(pool.map(fetch, range(40))))
        print("posted:", sum(pool.map(post, range(40))))
    try:
        urllib.request.urlopen(f"{URL}/nothing")
    except urllib.error.HTTPError as error:
        print("nothing:", error.code, error.reason)
    server.shutdown()
    thread.join()
    server.server_close()
    try:
        urllib.request.urlopen(URL)
    except urllib.error.URLError as error:
        print("closed:", error.reason)

    with xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", PORT + 1), logRequests=False) as rpc:
        rpc.register_function(pow)
        threading.Thread(target=rpc.serve_forever).start()
        print(
            "2^100 mod 97:",
            xmlrpc.client.ServerProxy(f"http://127.0.0.1:{PORT + 1}").pow(2, 100, 97),
        )
        rpc.shutdown()


main()
