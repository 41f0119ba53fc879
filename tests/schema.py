"""The picture of the schema that `manage.py doctor` compares with: `python -m tests.schema` takes it anew.

Run it after a migration was added; what it changes in `support/fixes/schema.txt` is what the migration does.
"""

import os
import sys

import pytest

if __name__ == "__main__":
    os.environ["ONDI_SCHEMA"] = "write"
    sys.exit(pytest.main(["-q", "-n0", "tests/architecture/test_schema_picture.py", "-k", "written_down"]))
