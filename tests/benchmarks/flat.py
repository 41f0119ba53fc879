"""`make bench-flat`: what a thousand times as many tickets cost.

Loads ten thousand tickets and then ten million (`SIZES`; the latter take eight minutes and 40 GB), measures the
portals' calls at one client, product and floor in turns, and compares the p50. Ends with 1 where one is more than 1.3
times as long. Writes `docs/bench/flat.md`.
"""

import json
import os
import statistics
import sys
import time

from tests.benchmarks.bench import ROUNDS, SECONDS, Program, calls, filled, floor, people_of, refuse_what_cannot_be, run
from tests.benchmarks.report import FOLDER, machine, versions
from tests.reliability.product import told_by

SIZES = [int(size) for size in os.environ.get("SIZES", "10000,10000000").split(",")]
CALLS = {
    "list": "list",
    "list, customer of 250": "list of 5,000",
    "get": "get",
    "create": "create",
    "message": "message",
}
OF_ONE, MOST = 250, 1.3  # as many of one customer as there can be in both


def main() -> None:
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(measured(int(sys.argv[1]))))
        return
    found = []
    for size in SIZES:
        refuse_what_cannot_be(size)
        found.append(json.loads(told_by([sys.executable, "-m", "tests.benchmarks.flat", str(size)])))
    small, large = found
    lines = [
        f"{SIZES[0]:,} and {SIZES[1]:,} tickets, {machine()}, {large['versions']}, "
        f"{time.strftime('%Y-%m-%d')}", "",
        f"| call | p50 ms at {SIZES[0]:,} | at {SIZES[1]:,} | times | floor's times |",
        "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    missed = False
    for name in CALLS:
        (few, few_floor), (many, many_floor) = small["p50"][name], large["p50"][name]
        missed = missed or many / few > MOST
        lines.append(f"| {name} | {few:.2f} | {many:.2f} | {many / few:.2f} | {many_floor / few_floor:.2f} |")
    table = "\n".join(lines) + "\n"
    (FOLDER / "flat.md").write_text(table)
    sys.stdout.write(table)
    sys.exit(missed)


def measured(size: int) -> dict[str, object]:
    """By call the p50 in milliseconds, of the product and of the floor."""
    with filled(size) as running:
        people = people_of(running, of_one=OF_ONE)
        with floor(running) as bare:
            programs = [Program("product", running.url, running.workers), bare]
            found = {name: _p50(programs, calls(people)[call], people) for name, call in CALLS.items()}
        return {"p50": found, "versions": versions()}


def _p50(programs: list[Program], call: object, people: dict[str, str]) -> list[float]:
    times: list[list[float]] = [[], []]
    for turn in range(ROUNDS + 1):
        for program, found in zip(programs, times, strict=True):
            answers = run(program, call, people, 1, SECONDS)
            found += answers if turn else []  # the first warms
    return [1000 * statistics.median(found) for found in times]


if __name__ == "__main__":
    main()
