"""What `make bench` says: a table, a plot, and whether every "must" holds. Kept in `docs/bench/`."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "bench"

# At one client: the lowest ratio of throughput to the floor's; the most statements; the most processor time.
RATIOS = {"list": 0.35, "list of 5,000": 0.30, "get": 0.25, "create": 0.30, "message": 0.30}
STATEMENTS = {"list": 4, "get": 3, "create": 9, "message": 7}
PROCESSOR, WALLED, LATE_PAGE = 4.5, 1.15, 1.5


@dataclass
class Measured:
    """Of one program: answers a second, seconds of each answer, processor seconds an answer; by round."""

    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


@dataclass
class Run:
    """One whole measurement. By call: each program at each number of clients, then what was looked at besides."""

    measured: dict[str, dict[int, dict[str, Measured]]]
    walls: dict[str, float]
    late_page: float
    statements: dict[str, int]
    plans: dict[str, list[str]]


def report(run: Run, *, size: int, number: int) -> list[str]:
    """Store and print a run; gives back the musts it breaks, each a sentence."""
    rows = list(_rows(run))
    about = {
        "date": time.strftime("%Y-%m-%d"), "tickets": size, "run": number, "machine": machine(),
        "versions": versions(),
    }  # fmt: skip
    broken = list(_broken(run, rows))
    kept = {"about": about, "rows": rows, "row_level_security": run.walls, "late_page": run.late_page,
            "plans": {name: faults for name, faults in run.plans.items() if faults}, "missed": broken}  # fmt: skip
    table = "\n".join(_table(about, rows, run, broken)) + "\n"
    FOLDER.mkdir(parents=True, exist_ok=True)
    stem = f"bench-{size}" + (f"-{number}" if number > 1 else "")
    (FOLDER / f"{stem}.json").write_text(json.dumps(kept, indent=2) + "\n")
    (FOLDER / f"{stem}.md").write_text(table)
    (FOLDER / f"{stem}.svg").write_text(plot(rows))
    sys.stdout.write(table)
    sys.stdout.flush()
    return broken


def _rows(run: Run) -> Iterator[dict[str, Any]]:
    for name, by_clients in run.measured.items():
        for clients, both in by_clients.items():
            ours, floors = both["product"], both["floor"]
            ratios = sorted(mine / bare for mine, bare in zip(ours.rates, floors.rates, strict=True))
            yield {
                "call": name, "clients": clients, "ratio": statistics.median(ratios), "lowest": ratios[0],
                "highest": ratios[-1], "per_second": statistics.median(ours.rates),
                "floor_per_second": statistics.median(floors.rates), "p50_ms": quantile(ours.times, 0.5),
                "p99_ms": quantile(ours.times, 0.99), "floor_p50_ms": quantile(floors.times, 0.5),
                "floor_p99_ms": quantile(floors.times, 0.99), "processor_ms": 1000 * statistics.median(ours.processor),
                "processor_ratio": statistics.median(ours.processor) / max(1e-9, statistics.median(floors.processor)),
                "statements": run.statements[name],
            }  # fmt: skip


def _broken(run: Run, rows: list[dict[str, Any]]) -> Iterator[str]:
    single = {row["call"]: row for row in rows if row["clients"] == 1}
    for name, least in RATIOS.items():
        row = single[name]
        if row["ratio"] < least:
            yield f"{name}: {row['ratio']:.2f} of the floor, must be {least}"
        if row["processor_ratio"] > PROCESSOR:
            yield f"{name}: {row['processor_ratio']:.1f} times the floor's processor time, must be {PROCESSOR} at the most"
    for name, most in STATEMENTS.items():
        if run.statements[name] > most:
            yield f"{name}: {run.statements[name]} statements, must be {most} at the most"
    for name, times in run.walls.items():
        if times > WALLED:
            yield f"{name}: p50 {times:.2f} times that without row-level security, must be {WALLED} at the most"
    if run.late_page > LATE_PAGE:
        yield f"the last page takes {run.late_page:.2f} times the first, must be {LATE_PAGE} at the most"
    for name, faults in run.plans.items():
        for fault in faults:
            yield f"plan of {name}: {fault}"


def _table(about: dict[str, Any], rows: list[dict[str, Any]], run: Run, broken: list[str]) -> Iterator[str]:
    yield f"{about['tickets']:,} tickets, {about['machine']}, {about['versions']}, {about['date']}"
    yield ""
    yield "| call | clients | ratio to the floor | spread | a second | p50 ms | p99 ms | processor ms | times the floor's | statements |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for one in rows:
        yield (
            f"| {one['call']} | {one['clients']} | {one['ratio']:.2f} | {one['lowest']:.2f}–{one['highest']:.2f} | "
            f"{one['per_second']:.0f} | {one['p50_ms']:.1f} | {one['p99_ms']:.1f} | {one['processor_ms']:.1f} | "
            f"{one['processor_ratio']:.1f} | {one['statements']} |"
        )
    yield ""
    yield f"- The last page of 5,000 over the first, p50: {run.late_page:.2f}."
    yield f"- With row-level security over without, p50: {_listed(run.walls)}."
    yield f"- Plans looked at: {len(run.plans)}; table read whole or more than a page sorted: {sum(map(bool, run.plans.values()))}."
    yield f"- Musts missed: {'; '.join(broken) or 'none'}."


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in values.items())


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores ({model})"


def versions() -> str:
    import django
    import psycopg

    from ondi import embedded_postgres

    with psycopg.connect(dbname="ondi", user="postgres", host=str(embedded_postgres.socket_directory())) as connection:
        postgres = connection.info.server_version // 10000
    return f"Python {platform.python_version()}, Django {django.get_version()}, PostgreSQL {postgres}"


def quantile(times: Iterable[float], fraction: float) -> float:
    """In milliseconds; 0 of nothing."""
    ordered = sorted(times) or [0.0]
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * fraction))]


def plot(rows: list[dict[str, Any]]) -> str:
    """Bars of the ratio at one client."""
    single = [row for row in rows if row["clients"] == 1]
    bars = []
    for place, row in enumerate(single):
        y, width = 20 + 26 * place, 420 * min(1, row["ratio"])
        bars.append(
            f'<text x="110" y="{y + 13}" text-anchor="end">{row["call"]}</text><rect x="120" y="{y}" width="{width:.0f}" '
            f'height="18" fill="#9810fa"/><text x="{126 + width:.0f}" y="{y + 13}">{row["ratio"]:.2f}</text>'
        )
    height = 40 + 26 * len(single)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="620" height="{height}" font-family="sans-serif" font-size="12">'
        f'<rect width="620" height="{height}" fill="#fff"/><line x1="540" x2="540" y1="14" y2="{height - 14}" '
        f'stroke="#888"/><text x="544" y="{height - 6}">floor</text>{"".join(bars)}</svg>\n'
    )
