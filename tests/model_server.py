"""A model server for the tests: OpenAI's chat completions on a real loopback socket, strict about what it is asked.

It can be told to behave badly, in all the ways of a department's receiver.
"""

import json
import threading
from typing import Any, Final

from tests.receiver import Answer, DepartmentReceiver

JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
ROLES: Final = frozenset({"system", "user", "assistant"})
# What every server of this interface takes; some refuse whatever else.
KNOWN: Final = frozenset({"model", "messages", "temperature", "max_tokens", "stream"})


def completion(content: Any, **changes: Any) -> Answer:
    """The answer of a model that said `content`; what is no text is said as JSON."""
    said = content if isinstance(content, str) else json.dumps(content)
    choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
    envelope = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return Answer(body=json.dumps(envelope).encode(), headers=JSON, **changes)


def opinion(departments: list[str], quotes: list[str]) -> Answer:
    """The answer that is wanted."""
    return completion({"departments": departments, "quotes": quotes})


class ModelServer(DepartmentReceiver):
    """Answers by its script, then that it cannot tell; while `gate` is closed it thinks.

    Args:
        key: what it wants as a Bearer token, if anything.
    """

    def __init__(self, key: str | None = None) -> None:
        super().__init__()
        self.key = key
        self.default = opinion([], [])
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def take_request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        answer = super().take_request(method, path, headers, body)
        self.gate.wait(60)
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return Answer(401, b'{"error":{"message":"no such key"}}', JSON)
        if (method, path) != ("POST", "/v1/chat/completions") or not _is_valid(headers, body):
            return Answer(400, b'{"error":{"message":"not a chat completion"}}', JSON)
        return answer

    def close(self) -> None:
        self.gate.set()
        super().close()

    def told(self, index: int = -1) -> dict[str, Any]:
        """What the user's message of that request says."""
        material: dict[str, Any] = json.loads(json.loads(self.requests[index].body)["messages"][-1]["content"])
        return material


def _is_valid(headers: dict[str, str], body: bytes) -> bool:
    asked = json.loads(body)
    messages = asked.get("messages")
    return (
        headers.get("content-type") == "application/json"
        and set(asked) <= KNOWN
        and isinstance(asked.get("model"), str)
        and isinstance(messages, list)
        and all(
            set(message) == {"role", "content"} and message["role"] in ROLES and isinstance(message["content"], str)
            for message in messages
        )
    )
