"""The Python client that openapi-python-client makes of the document."""

import subprocess
import sys
from pathlib import Path

PACKAGE = "ondi_client"


def python_client(document: Path, folder: Path) -> Path:
    """Generate the package `ondi_client` in this folder. Raises where the generator passes over anything."""
    settings = folder / "settings.json"
    settings.write_text('{"post_hooks": []}')
    program = Path(sys.executable).with_name("openapi-python-client")
    done = subprocess.run(
        [program, "generate", "--path", document, "--output-path", folder / PACKAGE, "--overwrite", "--meta", "none",
         "--config", settings, "--fail-on-warning"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return folder / PACKAGE
