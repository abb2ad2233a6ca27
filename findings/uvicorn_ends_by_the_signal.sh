#!/usr/bin/env bash
# uvicorn, stopped by SIGTERM, finishes its requests and then ends by the signal, not with code 0.
#
# Expected: a graceful shutdown that finished all requests ends with exit code 0.
# Seen:     the running request is answered, and then the process ends by signal 15 (code -15 to
#           subprocess, 143 to a shell), which whatever counts codes takes for a failure.
# Version:  uvicorn 0.54.0, Python 3.11, Linux.
# Why:      uvicorn.Server.capture_signals raises the captured signal again under the old handler.
# nunbit:   serve/run.py handles the signals itself and ends with 0 (tests/serve/test_life.py).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "uvicorn==0.54.0"

cat > "$work/server.py" <<'PY'
import asyncio
import sys

import uvicorn


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    print("asked", flush=True)
    await asyncio.sleep(2)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", log_level="critical")
PY

cat > "$work/case.py" <<'PY'
import http.client
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
words = [sys.executable, sys.argv[1], str(port)]
server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
while True:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", "/")
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
assert server.stdout.readline() == "asked\n"
server.send_signal(signal.SIGTERM)
status, code = connection.getresponse().status, server.wait(120)
print(f"uvicorn {version('uvicorn')}: the running request got {status}, and the exit code is {code}")
assert (status, code) == (200, -15), "this has changed: see the head of this script"
PY
"$work/venv/bin/python" "$work/case.py" "$work/server.py"
