"""A department's receiver: verifies, answers at once, keeps each new event as a file. Port and secret as below."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from signature import verify

INBOX = Path("inbox")
INBOX.mkdir(exist_ok=True)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        secrets = Path("secret").read_text().split()  # two while a secret is being rotated
        if not verify(secrets, headers, body):
            return self.answer(401)
        event = json.loads(body)
        if event["type"] == "endpoint.challenge":
            return self.answer(200, {"challenge": event["data"]["challenge"]})
        kept = INBOX / f"{event['id']}.json"
        if not kept.exists():  # the same event may come twice
            kept.write_bytes(body)
            print(event["type"], event["data"].get("case", {}).get("number", ""), flush=True)
        return self.answer(200, {"received": event["id"]})  # work on it afterwards, not before answering

    def answer(self, status, body=None):
        content = json.dumps(body).encode() if body else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


ThreadingHTTPServer(("127.0.0.1", 9000), Receiver).serve_forever()
