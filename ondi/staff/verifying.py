"""How a program verifies that a call is ours, in four languages; the same as in docs/operators.md."""

PYTHON = """\
import base64, hashlib, hmac, time


def is_genuine(secret: str, headers: dict, body: bytes) -> bool:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.removeprefix("v1,") for part in headers["webhook-signature"].split()]
    is_fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return is_fresh and any(hmac.compare_digest(expected, one) for one in given)
"""

JAVASCRIPT = """\
const crypto = require("node:crypto");

// body: a Buffer of what came, before it is parsed
function isGenuine(secret, headers, body) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const start = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`;
  const expected = crypto.createHmac("sha256", key).update(start).update(body).digest();
  const isFresh = Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"])) < 300;
  return isFresh && headers["webhook-signature"].split(" ").some((part) => {
    const given = Buffer.from(part.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && crypto.timingSafeEqual(given, expected);
  });
}
"""

PHP = """\
<?php
// $headers: names in lower case; $body: file_get_contents("php://input")
function is_genuine(string $secret, array $headers, string $body): bool {
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $signed = $headers['webhook-id'] . '.' . $headers['webhook-timestamp'] . '.' . $body;
    $expected = base64_encode(hash_hmac('sha256', $signed, $key, true));
    if (abs(time() - (int) $headers['webhook-timestamp']) >= 300) {
        return false;
    }
    foreach (explode(' ', $headers['webhook-signature']) as $part) {
        if (hash_equals('v1,' . $expected, $part)) {
            return true;
        }
    }
    return false;
}
"""

SHELL = """\
# The signature of a body in the file body.json; SECRET, ID and TIME are yours to set
KEY=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
SIGNATURE=$( (printf '%s.%s.' "$ID" "$TIME"; cat body.json) |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)
# As we call your program; it has to answer 2xx, and 4xx after a change to the body
curl -i http://127.0.0.1:8080/hook --data-binary @body.json -H 'content-type: application/json' \\
  -H "webhook-id: $ID" -H "webhook-timestamp: $TIME" -H "webhook-signature: v1,$SIGNATURE"
"""

SAMPLES = (("Python", PYTHON), ("JavaScript (Node)", JAVASCRIPT), ("PHP", PHP), ("curl, openssl", SHELL))
