#!/usr/bin/env python3
"""A reverse proxy that fails in one way, on loopback, for tests of signing; Python's standard library alone.

    fault.py MODE PORT UPSTREAM [FILE]       UPSTREAM: http://127.0.0.1:PORT of the real service

Modes: pass        hands everything on
       record      hands everything on and keeps the last successful answer to a POST in FILE
       replay      answers every POST with what FILE holds: right in form, and for another request
       reset       resets the connection        stall      accepts and never answers
       truncate    ends in the middle of the answer        garbage   200 with something that is no answer
       NNN         this HTTP status (429 with Retry-After)
       once-NNN    this status for the first request, then hands on: a client that tries again succeeds
       proof, root, checkpoint, body     hand on, with one byte of that part of a log entry changed
Every request is written to standard output, one line each, so that attempts can be counted.
"""
import base64, json, socket, struct, sys, threading, time
import urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODE, PORT, UPSTREAM = sys.argv[1], int(sys.argv[2]), sys.argv[3].rstrip("/")
FILE = sys.argv[4] if len(sys.argv) > 4 else None
seen = 0
lock = threading.Lock()


def flip(text):
    """Base64 with one bit of its middle byte changed."""
    raw = bytearray(base64.b64decode(text))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(bytes(raw)).decode()


def spoil(body):
    """One part of a transparency log entry, changed."""
    entry = json.loads(body)
    proof = entry["inclusionProof"]
    if MODE == "proof":
        proof["hashes"][0] = flip(proof["hashes"][0])
    elif MODE == "root":
        proof["rootHash"] = flip(proof["rootHash"])
    elif MODE == "checkpoint":  # the last character but two of the log's signature
        envelope = proof["checkpoint"]["envelope"].rstrip("\n")
        head, _, signature = envelope.rpartition(" ")
        proof["checkpoint"]["envelope"] = head + " " + flip(signature) + "\n"
    elif MODE == "body":
        text = base64.b64decode(entry["canonicalizedBody"]).decode()
        inner = json.loads(text)
        data = inner["spec"]["hashedRekordV002"]["data"]
        data["digest"] = flip(data["digest"])
        entry["canonicalizedBody"] = base64.b64encode(json.dumps(inner, separators=(",", ":")).encode()).decode()
    return json.dumps(entry).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind="application/json", headers=(), length=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def upstream(self, data):
        request = urllib.request.Request(UPSTREAM + self.path, data=data, method=self.command)
        for name in ("Content-Type", "Accept", "Authorization"):
            if self.headers.get(name):
                request.add_header(name, self.headers[name])
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), answer.headers.get("Content-Type", "")
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers.get("Content-Type", "")

    def handle_any(self):
        global seen
        with lock:
            seen += 1
            number = seen
        data = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        print(number, self.command, self.path, flush=True)
        mode = MODE
        if mode.startswith("once-"):
            mode = mode[5:] if number == 1 else "pass"
        if mode == "stall":
            time.sleep(600)
        elif mode == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif mode.isdigit():
            wait = [("Retry-After", "1")] if mode == "429" else []
            self.answer(int(mode), b'{"code":13,"message":"this service fails on purpose"}', headers=wait)
        elif mode == "garbage":
            self.answer(200, b"<html>Welcome to the captive portal</html>", "text/html")
        elif mode == "replay" and self.command == "POST":
            kept = json.load(open(FILE))
            self.answer(kept["status"], base64.b64decode(kept["body"]), kept["kind"])
        else:
            status, body, kind = self.upstream(data)
            if mode == "truncate":
                self.answer(status, body[: len(body) // 2], kind, length=len(body))
            elif mode in ("proof", "root", "checkpoint", "body") and self.command == "POST" and status < 300:
                self.answer(status, spoil(body), kind)
            else:
                if mode == "record" and self.command == "POST" and status < 300:
                    json.dump({"status": status, "kind": kind, "body": base64.b64encode(body).decode()}, open(FILE, "w"))
                self.answer(status, body, kind)

    do_GET = do_POST = do_PUT = handle_any

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
