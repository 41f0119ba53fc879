"""`make fuzz`: generated requests against every call of the OpenAPI document, as four kinds of caller.

Starts the product on a private database of its own, seeds the demo, and runs schemathesis as a customer, a
support user, a tenant admin and the platform; then hypothesis, whose requests fit no document; then every screen
and form of the admin with values that are none, and every command with arguments that are none. Exits with 1 on a
5xx, an undocumented status, an answer that does not fit the document, a traceback, or fewer than 20,000 requests.
"""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from pathlib import Path

from tests.reliability.product import wait_until

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "80")
GENERATED = os.environ.get("GENERATED_EXAMPLES", "300")
ADMIN_REQUESTS = os.environ.get("ADMIN_REQUESTS", "4000")
FEWEST_REQUESTS = 20_000
BEYOND_THE_API = ("tests/security/test_admin_input.py", "tests/platform/test_command_line.py")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
CALLERS = ("customer1@tigris.demo", "agent1@tigris.demo", "admin@tigris.demo", "platform")
# Ending the caller's own session or changing their password would make everything after it a 401.
LEFT_OUT = ("/auth/login", "/auth/logout", "/auth/password")
ISSUE_KEY = """
from ondi.accounts.api_keys import issue_api_key
from ondi.accounts.models import Scope
from ondi.tenants.scope import find_tenants, tenant_scope
tenant_id = find_tenants("tigris")["tigris"]
with tenant_scope(tenant_id):
    print(issue_api_key(tenant_id=tenant_id, name="fuzz", scopes=Scope.values)[1])
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        wide_open = dict.fromkeys(("READS_PER_MINUTE", "WRITES_PER_MINUTE", "THROTTLE_BURST"), "100000000")
        environment = {**os.environ, **wide_open, "ONDI_DATA_DIR": f"{folder}/data", "PORT": port, "DEBUG": "true"}
        log = Path(folder) / "product.log"
        with log.open("wb") as file:
            server = subprocess.Popen([sys.executable, "-m", "ondi.serve"], cwd=ROOT, env=environment, stderr=file)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/health/ready", server)
            failed = [caller for caller in CALLERS if not fuzz(url, caller, environment)]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)
        statuses = Counter(line["status"] for line in map(json.loads, log.open()) if line["event"] == "request")
    routes = generated()
    if not routes:
        failed.append("hypothesis")
    if not beyond_the_api():
        failed.append("the admin and the commands")
    requests = statuses.total() + routes * int(GENERATED)
    sys.stdout.write(f"\n{requests} requests; the document's were answered {dict(sorted(statuses.items()))}\n")
    if any(status >= 500 for status in statuses):
        failed.append("a 5xx")
    if requests < FEWEST_REQUESTS:
        failed.append(f"fewer than {FEWEST_REQUESTS} requests")
    sys.exit(f"make fuzz: failed: {', '.join(failed)}" if failed else 0)


def generated() -> int:
    """Let hypothesis loose on every route; how many routes held, 0 where one did not."""
    environment = {**os.environ, "GENERATED_EXAMPLES": GENERATED}
    command = [sys.executable, "-m", "pytest", "-n", "2", "--show-capture=no", "tests/api/test_generated.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    sys.stdout.write(f"\n=== hypothesis\n{done.stdout[-2000:]}")
    held = re.search(r"(\d+) passed", done.stdout)
    return int(held[1]) if held and done.returncode == 0 else 0


def beyond_the_api() -> bool:
    """The admin's addresses and forms, a new sample each time (its seed is printed), and the commands."""
    seed = os.environ.get("ADMIN_SEED") or str(random.randrange(10**6))
    environment = {**os.environ, "ADMIN_REQUESTS": ADMIN_REQUESTS, "ADMIN_SEED": seed}
    command = [sys.executable, "-m", "pytest", "-n", "2", "--show-capture=no", *BEYOND_THE_API]
    sys.stdout.write(f"\n=== the admin (ADMIN_SEED={seed}) and the commands\n")
    sys.stdout.flush()
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def fuzz(url: str, caller: str, environment: dict[str, str]) -> bool:
    sys.stdout.write(f"\n=== as {caller}\n")
    sys.stdout.flush()
    program = Path(sys.executable).with_name("schemathesis")
    left_out = [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    command = [program, "run", f"{url}/schema", "--url", url, "-H", credential(url, caller, environment), "--checks",
               CHECKS, "--max-examples", EXAMPLES, "--no-color", *left_out]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def credential(url: str, caller: str, environment: dict[str, str]) -> str:
    if caller == "platform":
        shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", ISSUE_KEY]
        done = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return f"X-API-Key: {done.stdout.strip().splitlines()[-1]}"
    body = json.dumps({"email": caller, "password": "ondi-demo"}).encode()
    request = urllib.request.Request(f"{url}/auth/login", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return f"Authorization: Bearer {json.load(response)['data']['access_token']}"


def wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    def answers() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return True
        return False

    wait_until(lambda: server.poll() is not None or answers(), "the product is not up")
    if server.poll() is not None:
        sys.exit("make fuzz: the product did not come up")


if __name__ == "__main__":
    main()
