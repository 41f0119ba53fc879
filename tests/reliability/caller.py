"""A portal that does not give up: it sends again until it has an answer, always with the same key."""

import http.client
import json
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    seconds: float

    @property
    def data(self) -> dict[str, Any]:
        return self.body["data"]

    @property
    def is_coded_503(self) -> bool:
        return self.status == 503 and self.body.get("error") == "service_unavailable" and "retry-after" in self.headers


@dataclass
class Caller:
    """One connection, kept open. `seen` counts the answers by status; `broken` those that never came."""

    url: str
    token: str | None = None
    timeout: float = 60
    seen: "Counter[int]" = field(default_factory=Counter)
    broken: int = 0
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = self._connect()

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self.timeout)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One try. Raises `OSError` or `HTTPException` where the connection broke."""
        given = {"Content-Type": "application/json", "Connection": "keep-alive", **headers}
        if self.token:
            given["Authorization"] = f"Bearer {self.token}"
        start = time.monotonic()
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else b"", given)
            response = self.connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise
        answer = Answer(
            response.status, json.loads(raw), {name.lower(): value for name, value in response.getheaders()},
            time.monotonic() - start,
        )  # fmt: skip
        self.seen[answer.status] += 1
        if answer.status >= 500 and not answer.is_coded_503:
            self.faults.append(f"{method} {path}: {answer.status} {answer.body}")
        return answer

    def insist(self, method: str, path: str, body: Any = None, *, tries: int = 400) -> Answer:
        """Send it until there is an answer that says yes or no; a creating call with one key throughout."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        for _try in range(tries):
            try:
                answer = self.call(method, path, body, **headers)
            except (OSError, http.client.HTTPException, ValueError):
                self.broken += 1
                time.sleep(0.05)  # as a client does before it tries again
                continue
            if answer.status != 503 and answer.body.get("error") != "idempotency_in_progress":
                return answer
            time.sleep(0.1)  # busy, or its first sending is still at work
        raise TimeoutError(f"{method} {path} had no answer in {tries} tries")

    def is_ready(self) -> bool:
        try:
            return self.call("GET", "/health/ready").status == 200
        except (OSError, http.client.HTTPException, ValueError):
            return False
