"""`make clients`: clients that generators make of the document, checked by compilers, make the five calls and a chat.

Starts the product on a private database of its own with the demo. Lints the document by redocly and spectral; generates
clients by openapi-python-client, openapi-typescript and hey-api; mypy and tsc read them and the programs beside this
file; the programs are run against the product. What it installs (Node 20.19 or newer is needed) lies in
`.cache/clients`. Once that is there it needs no network.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from tests.clients.generate import python_client
from tests.fuzz import wait_for

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / ".cache" / "clients"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_UPDATE_NOTIFIER": "1"}
OURS = ("redocly.yaml", "spectral.yaml", "tsconfig.json", "with_fetch.ts", "with_hey.ts")
LOCK = ("package.json", "package-lock.json")


def main() -> None:
    if shutil.which("npm") is None:
        sys.exit("make clients: Node.js with npm is needed, 20.19 or newer")
    install()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        environment = {**os.environ, "ONDI_DATA_DIR": f"{folder}/data", "PORT": url.rsplit(":")[-1], "DEBUG": "true"}
        with (Path(folder) / "product.log").open("wb") as log:
            server = subprocess.Popen([sys.executable, "-m", "ondi.serve"], cwd=ROOT, env=environment, stderr=log)
        try:
            wait_for(f"{url}/health/ready", server)
            check(url)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)
    sys.stdout.write("make clients: all of them hold\n")


def install() -> None:
    """What package-lock.json names, into the cache; nothing where that is there already."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = [(HERE / name).read_bytes() for name in LOCK]
    present = [(FOLDER / name).read_bytes() if (FOLDER / name).exists() else b"" for name in LOCK]
    if wanted == present and (FOLDER / "node_modules").exists():
        return
    for name, content in zip(LOCK, wanted, strict=True):
        (FOLDER / name).write_bytes(content)
    try:
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    except SystemExit:
        (FOLDER / LOCK[-1]).unlink()
        raise


def check(url: str) -> None:
    for name in OURS:
        shutil.copy(HERE / name, FOLDER / name)
    document = FOLDER / "schema.json"
    with urllib.request.urlopen(f"{url}/schema", timeout=30) as answer:
        document.write_text(json.dumps(json.load(answer), indent=1, ensure_ascii=False))
    people = (url, "tigris", "customer1@tigris.demo", "agent1@tigris.demo", "ondi-demo")

    tool("redocly", "lint", document.name, "--format", "stylish")
    tool("spectral", "lint", document.name, "--ruleset", "spectral.yaml", "--fail-severity", "warn")

    tool("openapi-typescript", document.name, "--output", "fetch/schema.d.ts")
    tool("openapi-ts", "--input", document.name, "--output", "hey", "--silent")
    refuse_second_names(FOLDER / "hey" / "types.gen.ts")
    tool("tsc", "--project", "tsconfig.json")
    for program in ("with_fetch", "with_hey"):
        run("node", f"built/{program}.js", *people)

    package = python_client(document, FOLDER)
    walk = HERE / "walk.py"
    # The generator's own client.py does not pass --strict; what is made of our document does.
    made = [str(package / part) for part in ("api", "models")]
    run(sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", "--config-file=", "--cache-dir", "mypy",
        str(walk), *made, MYPYPATH=str(FOLDER))  # fmt: skip
    run(sys.executable, str(walk), *people, PYTHONPATH=str(FOLDER))


def refuse_second_names(types: Path) -> None:
    """A type that had to be called `…Data2` means that a name of ours is taken by one of the generator's."""
    names = [line.split()[2] for line in types.read_text().splitlines() if line.startswith("export type ")]
    second = [name for name in names if name[-1].isdigit()]
    if second:
        sys.exit(f"make clients: names of ours are taken: {', '.join(second)}")


def tool(name: str, *arguments: str) -> None:
    run(str(FOLDER / "node_modules" / ".bin" / name), *arguments)


def run(*command: str, **environment: str) -> None:
    sys.stdout.write(f"--- {Path(command[0]).name} {' '.join(command[1:3])}\n")
    sys.stdout.flush()
    done = subprocess.run(command, cwd=FOLDER, env={**os.environ, **QUIET, **environment}, check=False)
    if done.returncode:
        sys.exit(f"make clients: {Path(command[0]).name} failed")


if __name__ == "__main__":
    main()
