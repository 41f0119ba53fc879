"""The corpus sent through the examiner, and what came of each file judged."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from ondi.files.examining import ROOT
from ondi.files.kinds import GIF, HEIC, IMAGES, JPEG, PNG, WEBP
from tests.files.corpus import READY, SECRET, Case

MOST_MEMORY = 256  # MB
LONGEST = {"main": 4_096, "view": 1_600, "thumbnail": 320}
_JPEG_SEGMENTS = {0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDD, 0xDA}  # JFIF's own, tables, frames, scans
_PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}


def looked_at(
    cases: Iterable[Case], folder: Path, way: str = "alone"
) -> Iterator[tuple[Case, dict[str, Any], list[str]]]:
    """Each with the examiner's answer and the faults of it. Its files are gone when the next one is asked for."""
    command = [sys.executable, "-m", "tests.files.examiner", way]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as examiner:
        assert examiner.stdin
        assert examiner.stdout
        source, place = folder / "source", folder / "folder"
        for case in cases:
            source.write_bytes(case.make())
            place.mkdir()
            examiner.stdin.write(f"{case.claimed}\t{source}\t{place}\n")
            examiner.stdin.flush()
            line = examiner.stdout.readline()
            if not line:
                yield case, {}, ["the examiner ended"]
                return
            answer = json.loads(line)
            yield case, answer, faults(case, answer, source)
            source.unlink()
            subprocess.run(["rm", "-r", str(place)], check=True)
        examiner.stdin.close()
        assert examiner.wait() == 0


def faults(case: Case, answer: dict[str, Any], source: Path) -> list[str]:
    """What is not as it must be; empty if all is."""
    verdict = answer["reason"] or READY
    found = [] if verdict in case.expected else [f"is {verdict}"]
    if answer["peak"] >= MOST_MEMORY:
        found.append(f"took {answer['peak']} MB")
    if verdict != READY:
        return found
    if answer["content_type"] != (JPEG if case.claimed == HEIC else case.claimed):
        found.append(f"became {answer['content_type']}")
    if case.claimed not in IMAGES:
        return found if answer["parts"] == [str(source)] else [*found, "is not kept as it came"]
    kinds = (answer["content_type"], WEBP, WEBP)
    for part, kind in zip(map(Path, answer["parts"]), kinds, strict=True):
        body = part.read_bytes()
        found += [f"{part.name}: {fault}" for fault in remains(kind, body)]
        with Image.open(part) as seen:
            if max(seen.size) > LONGEST[part.name]:
                found.append(f"{part.name} is {seen.size}")
            if part.name == "main" and seen.size != (answer["width"], answer["height"]):
                found.append(f"says {answer['width']} x {answer['height']}")
            if case.corners and not is_upright(seen, case.corners):
                found.append(f"{part.name} is not upright")
    return found


def is_upright(seen: Image.Image, corners: Iterable[tuple[int, int, int]]) -> bool:
    image = seen.convert("RGB")
    right, below = image.width - 3, image.height - 3
    points = ((2, 2), (right, 2), (2, below), (right, below))
    pairs = zip(map(image.getpixel, points), corners, strict=True)
    return all(abs(one - other) < 70 for pair in pairs for one, other in zip(*pair, strict=True))


def remains(kind: str, body: bytes) -> list[str]:
    """What stands in a picture besides what is seen."""
    found = ["the secret"] if SECRET in body else []
    return found + [str(part) for part in {JPEG: in_jpeg, PNG: in_png, WEBP: in_webp, GIF: in_gif}[kind](body)]


def in_jpeg(body: bytes) -> Iterator[str]:
    at = 2
    while at < len(body) and body[at + 1] != 0xDA:
        if body[at + 1] not in _JPEG_SEGMENTS:
            yield f"segment {body[at + 1]:x}"
        at += 2 + int.from_bytes(body[at + 2 : at + 4])
    if body[:2] != b"\xff\xd8" or body.find(b"\xff\xd9", at) != len(body) - 2:
        yield "something around it"


def in_png(body: bytes) -> Iterator[str]:
    at = 8
    while at < len(body):
        size, name = int.from_bytes(body[at : at + 4]), body[at + 4 : at + 8]
        if name not in _PNG_CHUNKS:
            yield f"chunk {name!r}"
        at += 12 + size
    if at != len(body) or name != b"IEND":
        yield "something around it"


def in_webp(body: bytes) -> Iterator[str]:
    at = 12
    while at < len(body):
        if body[at : at + 4] not in _WEBP_CHUNKS:
            yield f"chunk {body[at : at + 4]!r}"
        at += 8 + (size := int.from_bytes(body[at + 4 : at + 8], "little")) + size % 2
    if at != len(body) or int.from_bytes(body[4:8], "little") != len(body) - 8:
        yield "something around it"


def in_gif(body: bytes) -> Iterator[str]:
    at, frames = 13 + (3 << (body[10] & 7) + 1 if body[10] & 0x80 else 0), 0
    while body[at] != 0x3B:
        if body[at] == 0x21:
            if body[at + 1] != 0xF9:
                yield f"extension {body[at + 1]:x}"
            at += 2
        else:
            frames += 1
            at += 11 + (3 << (body[at + 9] & 7) + 1 if body[at + 9] & 0x80 else 0)
        while body[at]:
            at += 1 + body[at]
        at += 1
    if at != len(body) - 1:
        yield "something around it"
    if frames != 1:
        yield f"{frames} frames"
