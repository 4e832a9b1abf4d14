#!/usr/bin/env python3
"""A file service: POST /NUMBER keeps a line durably and answers 200 then; GET /health."""

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REQUESTS = Path("/srv/files/requests")
HOST = os.uname().nodename
LOCK = threading.Lock()


def keep(number: int, sent: str) -> None:
    """Append a line to the file of a hundred requests; on disk when this returns."""
    with LOCK:
        file = REQUESTS / f"{number // 100:05d}"
        fresh = not file.exists()
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(handle, f"{number} {sent} {HOST} {time.time():.6f}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        if fresh:
            folder = os.open(REQUESTS, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/health" and REQUESTS.is_dir() else 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        keep(int(self.path.strip("/")), body.decode())
        self.answer(200)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("", 8080), Handler).serve_forever()
