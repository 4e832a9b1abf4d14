"""ask.py SOCKET WHAT NAME: ask the lab's cloud for something, and print its answer."""

import json
import socket
import sys

path, what, name = sys.argv[1:]
with socket.socket(socket.AF_UNIX) as line:
    line.connect(path)
    line.sendall(json.dumps({"what": what, "name": name}).encode() + b"\n")
    with line.makefile() as lines:
        answer = json.loads(lines.readline())
if "error" in answer:
    sys.exit(answer["error"])
sys.stdout.write(json.dumps(answer) + "\n")
