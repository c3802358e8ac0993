"""Sends one signed callback: the type as argument, `data` as JSON on standard input. Prints the answer."""

import json
import os
import sys
import time
import uuid
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from signature import sign

body = json.dumps({"type": sys.argv[1], "data": json.load(sys.stdin)}, ensure_ascii=False).encode()
webhook_id, timestamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
headers = {
    "Content-Type": "application/json",
    "webhook-id": webhook_id,
    "webhook-timestamp": timestamp,
    "webhook-signature": sign(Path("secret").read_text().split()[0], webhook_id, timestamp, body),
}
try:
    answer = urlopen(Request(f"{os.environ['SERVICE']}/v1/callbacks/{os.environ['DEPARTMENT']}", body, headers))
except HTTPError as problem:  # a refusal says in `detail` what is wrong and what to do
    answer = problem
print(answer.status, answer.read().decode())
