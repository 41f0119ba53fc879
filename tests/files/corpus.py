"""Hostile files and odd ones, all made here, each with the verdict that is expected: the table is `corpus.txt` beside it.

`python -m tests.files.corpus` writes the table. `make hostile` sends each of them through the process that reads pictures;
the suite sends some of each kind.
"""

import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin
from PIL.Image import Transpose

from ondi.files.kinds import ALLOWED, CSV, GIF, HEIC, JPEG, PDF, PNG, TEXT, WEBP

pillow_heif.register_heif_opener()

TABLE = Path(__file__).with_name("corpus.txt")
FORMATS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP", GIF: "GIF", HEIC: "HEIF"}
SUFFIX = {JPEG: "jpg", PNG: "png", WEBP: "webp", GIF: "gif", HEIC: "heic", PDF: "pdf", TEXT: "txt", CSV: "csv"}
READY, MISMATCH, MALFORMED, TOO_LARGE = "ready", "type_mismatch", "malformed", "too_large"
ANY = (READY, MISMATCH, MALFORMED, TOO_LARGE)
CORNERS = ((220, 20, 20), (20, 200, 20), (20, 20, 220), (220, 220, 20))
TURNS = {
    1: None, 2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
}  # fmt: skip
SECRET = b"secret-56.1304N"  # stands in every place that must not be kept
SCRIPT = b"<script>alert('" + SECRET + b"')</script>"
ORIENTATION, MAKER, GPS = 0x0112, 0x010F, 0x8825


@dataclass(frozen=True)
class Case:
    """`expected`: verdicts of which one is given; of a file that is ready nothing may be left but what is seen.

    `corners`: the colors of its corners, from the left above, where it must stand upright.
    """

    group: str
    name: str
    claimed: str
    expected: tuple[str, ...]
    make: Callable[[], bytes]
    corners: tuple[tuple[int, int, int], ...] = ()


def picture(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """Four quarters of four colors."""
    image = Image.new("RGB", (width, height))
    for place, color in enumerate(CORNERS):
        x, y = place % 2 * width // 2, place // 2 * height // 2
        image.paste(color, (x, y, x + width // 2, y + height // 2))
    return image.convert(mode)


def saved(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, FORMATS[kind], **options)
    return out.getvalue()


@cache
def plain(kind: str) -> bytes:
    """A small picture with some detail within, so that cuts and flips hit pixels."""
    image = picture()
    image.paste(noise(64, 32).convert("RGB"), (16, 16))
    return saved(kind, image)


def noise(width: int, height: int) -> Image.Image:
    """The same each time."""
    return Image.frombytes("L", (width, height), random.Random(width).randbytes(width * height))


@cache
def document(kind: str) -> bytes:
    return {PDF: pdf(b""), TEXT: "Hello, مرحبا\n".encode(), CSV: b"a;b\n1;2\n"}.get(kind) or plain(kind)


def pdf(catalog: bytes) -> bytes:
    return b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R" + catalog + b">>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>" \
        b"endobj\ntrailer<</Root 1 0 R>>\n%%EOF"  # fmt: skip


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + name + body + struct.pack("!I", zlib.crc32(name + body))


def png(width: int, height: int, packed: bytes, *before: bytes, bits: int = 8, color: int = 2) -> bytes:
    """A PNG that says it is so large. `packed`: its pixels, as they are compressed. `before`: chunks before them."""
    head = struct.pack("!IIBBBBB", width, height, bits, color, 0, 0, 0)
    chunks = (chunk(b"IHDR", head), *before, chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@cache
def zeros(mebibytes: int, packer: str = "zlib") -> bytes:
    """So many zeros, compressed."""
    piece = bytes(1 << 20)
    made = {"zlib": lambda: zlib.compressobj(9), "gzip": lambda: zlib.compressobj(9, wbits=31),
            "bz2": bz2.BZ2Compressor, "xz": lambda: lzma.LZMACompressor(preset=0)}[packer]()  # fmt: skip
    return b"".join(made.compress(piece) for _ in range(mebibytes)) + made.flush()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in members.items():
            file.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def with_png_chunks(*chunks: bytes) -> bytes:
    """They stand where texts stand: between the head and the pixels."""
    whole = plain(PNG)
    return whole[:33] + b"".join(chunks) + whole[33:]


def with_jpeg_segment(marker: int, body: bytes, whole: bytes = b"") -> bytes:
    whole = whole or plain(JPEG)
    return whole[:2] + bytes((0xFF, marker)) + struct.pack("!H", len(body) + 2) + body + whole[2:]


def with_webp_chunk(name: bytes, body: bytes) -> bytes:
    inner = plain(WEBP)[8:] + name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def with_gif_comment(body: bytes, whole: bytes = b"") -> bytes:
    whole = whole or plain(GIF)
    table = 3 << (whole[10] & 7) + 1 if whole[10] & 0x80 else 0
    blocks = b"".join(bytes((len(body[at : at + 255]),)) + body[at : at + 255] for at in range(0, len(body), 255))
    return whole[: 13 + table] + b"\x21\xfe" + blocks + b"\x00" + whole[13 + table :]


def jpeg_of_size(width: int, height: int, **options: object) -> bytes:
    """A small JPEG whose frame says it is larger."""
    whole = bytearray(saved(JPEG, **options))
    at = next(i for i in range(len(whole)) if whole[i] == 0xFF and whole[i + 1] in (0xC0, 0xC2))
    whole[at + 5 : at + 9] = struct.pack("!HH", height, width)
    return bytes(whole)


def heic_of_size(width: int, height: int) -> bytes:
    whole = bytearray(plain(HEIC))
    at = whole.index(b"ispe")
    whole[at + 8 : at + 16] = struct.pack("!II", width, height)
    return bytes(whole)


def webp_of_size(width: int, height: int) -> bytes:
    whole = bytearray(plain(WEBP))
    at = whole.index(b"\x9d\x01\x2a") + 3
    whole[at : at + 4] = struct.pack("<HH", width, height)
    return bytes(whole)


def gif_of_size(width: int, height: int) -> bytes:
    """Screen and frame are so large; the frame's pixels are few."""
    body = bytearray(plain(GIF))
    body[6:10] = struct.pack("<HH", width, height)
    at = body.index(b"\x2c", 13 + (3 << (body[10] & 7) + 1))
    body[at + 5 : at + 9] = struct.pack("<HH", width, height)
    return bytes(body)


def flipped(whole: bytes, bits: int, seed: int) -> bytes:
    chance, body = random.Random(seed), bytearray(whole)
    for _bit in range(bits):
        body[chance.randrange(12, len(body))] ^= 1 << chance.randrange(8)
    return bytes(body)


def exif(orientation: int = 1) -> bytes:
    """With a maker and a place."""
    found = Image.Exif()
    found[ORIENTATION], found[MAKER] = orientation, SECRET.decode()
    found.get_ifd(GPS).update({1: "N", 2: (56.0, 7.0, 49.0), 29: SECRET.decode()})
    return found.tobytes()


XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF>" + SECRET + b"</rdf:RDF></x:xmpmeta>"
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00" + struct.pack("!I", 20) + b"\x1c\x02\x5a\x00" + SECRET + b"\x00"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
PAGE = b"<html><body onload='alert(1)'>hello"
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def profile(name: str = "sRGB") -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def pages() -> Iterator[Case]:
    """Pictures and pages that run: whatever they say they are, wherever they begin."""
    svgs = {
        "plain": SVG, "with a head": b"<?xml version='1.0'?>" + SVG, "with a doctype": b"<!DOCTYPE svg>" + SVG,
        "behind a mark": b"\xef\xbb\xbf" + SVG, "behind blanks": b" \t\r\n" * 90 + SVG, "in capitals": SVG.upper(),
        "behind a comment": b"<!-- x -->" + SVG, "in UTF-16, little": b"\xff\xfe" + SVG.decode().encode("utf-16le"),
        "in UTF-16, big": b"\xfe\xff" + SVG.decode().encode("utf-16be"), "behind words": b"hello " + SVG,
        "compressed": gzip.compress(SVG, mtime=0), "of an entity": b"<!DOCTYPE s [<!ENTITY a 'a'>]><s>&a;</s>",
    }  # fmt: skip
    for number, (name, body) in enumerate(svgs.items()):
        for claimed in (TEXT, (PNG, JPEG, CSV, PDF)[number % 4]):
            yield Case("svg", f"{name}, as {SUFFIX[claimed]}", claimed, (MISMATCH,), lambda body=body: body)
    htmls = {
        "plain": PAGE, "with a doctype": b"<!doctype HTML>" + PAGE, "a script": SCRIPT, "a frame": b"<iframe src=x>",
        "behind a mark": b"\xef\xbb\xbf" + PAGE, "behind blanks": b"\x0c\n " * 200 + PAGE, "a comment": b"<!--x-->" + PAGE,
        "in UTF-16, little": b"\xff\xfe" + PAGE.decode().encode("utf-16le"), "a body": b"<body onload=alert(1)>",
        "in UTF-16, big": b"\xfe\xff" + PAGE.decode().encode("utf-16be"), "behind a NUL": b"\x00" + PAGE,
        "a link": b"<a href='javascript:alert(1)'>x</a>", "a style": b"<style>@import 'x'</style>", "PHP": b"<?php x();",
        "a script behind words": b"hello\n" * 90 + SCRIPT, "a script of some letters": b"<ScRiPt/src=x>",
    }  # fmt: skip
    for number, (name, body) in enumerate(htmls.items()):
        for claimed in (TEXT, (CSV, PDF, GIF, WEBP)[number % 4]):
            yield Case("page", f"{name}, as {SUFFIX[claimed]}", claimed, (MISMATCH,), lambda body=body: body)
    programs = {
        "for a shell": b"#!/bin/sh\nrm -rf ~\n", "for Python": b"#!/usr/bin/env python3\n", "for a printer": b"%!PS-Adobe-3.0\n",
        "for a printer, behind blanks": b"\n\n%!PS\n", "ELF": b"\x7fELF\x02\x01\x01" + bytes(90), "Windows": b"MZ\x90\x00" + bytes(90),
        "Java": b"\xca\xfe\xba\xbe\x00\x00\x004" + bytes(90), "WebAssembly": b"\x00asm\x01\x00\x00\x00",
        "macOS": b"\xcf\xfa\xed\xfe" + bytes(90), "Flash": b"CWS\x06" + bytes(90), "Lua": b"\x1bLua\x53\x00" + bytes(90),
        "Python, compiled": b"\xa7\r\r\n" + bytes(90),
    }  # fmt: skip
    for name, body in programs.items():
        yield Case("program", name, TEXT, (MISMATCH,), lambda body=body: body)


def polyglots() -> Iterator[Case]:
    """Two files in one: judged as what their first bytes say, and the other is gone, or they are refused."""
    for number, body in enumerate((SCRIPT, b"*/=1;alert(1)//" + SECRET, PAGE + SECRET, SVG + SECRET, zipped(a=SECRET), EICAR + SECRET,
                                   b"#!/bin/sh\n" + SECRET, b"<?php " + SECRET, b"%PDF-1.4" + SECRET, SECRET * 20)):  # fmt: skip
        for kind in (JPEG, PNG, GIF, WEBP):
            yield Case(
                f"{SUFFIX[kind]} and more",
                f"behind it, {number}",
                kind,
                (READY,),
                lambda k=kind, b=body: plain(k) + b,
                CORNERS,
            )
        yield Case(
            "gif and more", f"in a comment, {number}", GIF, (READY,), lambda b=body: with_gif_comment(b), CORNERS
        )
        yield Case(
            "jpg and more",
            f"in a comment, {number}",
            JPEG,
            (READY,),
            lambda b=body: with_jpeg_segment(0xFE, b),
            CORNERS,
        )
        yield Case("png and more", f"in a text, {number}", PNG, (READY,),
                   lambda b=body: with_png_chunks(chunk(b"tEXt", b"Comment\x00" + b)), CORNERS)  # fmt: skip
        yield Case(
            "webp and more",
            f"in a part of its own, {number}",
            WEBP,
            (READY,),
            lambda b=body: with_webp_chunk(b"JUNK", b),
            CORNERS,
        )
        yield Case("heic and more", f"behind it, {number}", HEIC, (READY,),
                   lambda b=body: plain(HEIC) + struct.pack("!I", len(b) + 8) + b"free" + b, CORNERS)  # fmt: skip
    for number, before in enumerate(
        (PAGE, SCRIPT, SVG, b"\n", b" ", b"\x00", b"<!--", b"GIF89a", b"hello ", b"\xef\xbb\xbf")
    ):
        yield Case("pdf behind more", str(number), PDF, (MISMATCH,), lambda b=before: b + pdf(b""))
    for number, words in enumerate(
        (b"GIF89a=1;alert(1)", b"GIF87a/**/=1", b"GIF89a<script>x</script>", b"GIF89a\n", b"GIF89a", b"GIF")
    ):
        yield Case("gif of words", str(number), GIF, (MISMATCH, MALFORMED), lambda b=words: b)
    for number in range(10):
        yield Case("gif of words", f"with a screen, {number}", GIF, (MALFORMED,),
                   lambda n=number: b"GIF89a" + struct.pack("<HH", 30, 30) + bytes((0, 0, 0)) + SCRIPT * n)  # fmt: skip


def packed() -> Iterator[Case]:
    zips = {
        "of zeros": lambda: zipped(x=bytes(10 << 20)), "in itself": lambda: zipped(x=zipped(x=zipped(x=bytes(1 << 20)))),
        "of nothing": lambda: zipped(), "of many": lambda: zipped(**{f"f{n}": b"" for n in range(2_000)}),
        "climbing out": lambda: zipped(**{"../../etc/passwd": b"x"}), "gzip": lambda: zeros(50, "gzip"), "bz2": lambda: zeros(50, "bz2"),
        "xz": lambda: zeros(50, "xz"), "7z": lambda: b"7z\xbc\xaf\x27\x1c" + bytes(90), "rar": lambda: b"Rar!\x1a\x07\x00" + bytes(90),
        "a text document": lambda: zipped(**{"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}),
        "an old document": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "zlib": lambda: zeros(50),
        "tar": lambda: b"a.txt" + bytes(252) + b"ustar\x0000" + bytes(300),
    }  # fmt: skip
    for number, (name, make) in enumerate(zips.items()):
        for claimed in (ALLOWED[number % len(ALLOWED)], ALLOWED[(number + 5) % len(ALLOWED)]):
            yield Case("archive", f"{name}, as {SUFFIX[claimed]}", claimed, (MISMATCH,), make)


def bombs() -> Iterator[Case]:
    sizes = ((60_000, 60_000), (65_535, 65_535), (30_000, 30_000), (14_001, 1_000), (1, 14_000_001), (2**31 - 1, 1),
             (2**31 - 1, 2**31 - 1), (20_000, 701), (100_000, 141), (4_000, 3_501))  # fmt: skip
    for width, height in sizes:
        yield Case("png bomb", f"{width} x {height}", PNG, (TOO_LARGE,), lambda w=width, h=height: png(w, h, zeros(4)))
    yield Case(
        "png bomb", "more pixels than it says, a gigabyte", PNG, (READY, MALFORMED), lambda: png(8, 8, zeros(1_000))
    )
    yield Case("png bomb", "as many pixels as are taken", PNG, (READY,), lambda: png(4_000, 3_500, zeros(41)))
    yield Case("png bomb", "as many, of 16 bits and transparent", PNG, (READY, TOO_LARGE),
               lambda: png(4_000, 3_500, zeros(108), bits=16, color=6))  # fmt: skip
    for name in (b"zTXt", b"iTXt", b"iCCP"):
        head = {b"zTXt": b"a\x00\x00", b"iTXt": b"a\x00\x01\x00\x00\x00", b"iCCP": b"a\x00\x00"}[name]
        yield Case("png bomb", f"{name.decode()} of a gigabyte", PNG, (READY, MALFORMED),
                   lambda n=name, h=head: with_png_chunks(chunk(n, h + zeros(1_000))))  # fmt: skip
        yield Case("png bomb", f"{name.decode()} of a megabyte, 100 times", PNG, (READY, MALFORMED),
                   lambda n=name, h=head: with_png_chunks(*[chunk(n, h + zeros(1))] * 100))  # fmt: skip
    yield Case("png bomb", "100,000 parts", PNG, (READY,), lambda: with_png_chunks(*[chunk(b"teSt", b"")] * 100_000))
    yield Case("png bomb", "of no width", PNG, (MALFORMED,), lambda: png(0, 5, zeros(1)))
    yield Case("png bomb", "few rows", PNG, (MALFORMED,), lambda: png(500, 500, zlib.compress(bytes(900))))
    yield Case("png bomb", "sixteen levels of interlacing nothing", PNG, (MALFORMED,),
               lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack("!IIBBBBB", 9, 9, 8, 2, 0, 0, 1)) + chunk(b"IEND", b""))  # fmt: skip
    for width, height in ((65_500, 65_500), (30_000, 30_000), (10_001, 10_000), (65_500, 1_600), (20_000, 20_000)):
        for progressive in (False, True):
            yield Case("jpg bomb", f"{width} x {height}{', progressive' * progressive}", JPEG, (TOO_LARGE,),
                       lambda w=width, h=height, p=progressive: jpeg_of_size(w, h, progressive=p))  # fmt: skip
    yield Case(
        "jpg bomb",
        "progressive, says 9,000 x 9,000",
        JPEG,
        (MALFORMED, TOO_LARGE),
        lambda: jpeg_of_size(9_000, 9_000, progressive=True),
    )
    yield Case("jpg bomb", "5,000 comments", JPEG, (READY,), many_comments, CORNERS)
    yield Case("jpg bomb", "2,000 scans", JPEG, (READY, MALFORMED, TOO_LARGE), many_scans)
    for width, height in ((65_535, 65_535), (14_001, 1_000), (3_742, 3_742), (60_000, 300), (30_000, 30_000)):
        yield Case("gif bomb", f"{width} x {height}", GIF, (TOO_LARGE,), lambda w=width, h=height: gif_of_size(w, h))
    yield Case("gif bomb", "3,700 x 3,700, of few pixels", GIF, (READY, MALFORMED), lambda: gif_of_size(3_700, 3_700))
    for frames in (2, 10, 100, 1_000, 10_000):
        yield Case("gif bomb", f"{frames} frames", GIF, (READY,), lambda n=frames: moving(GIF, n), (CORNERS[0],) * 4)
    for width, height in ((16_383, 16_383), (14_001, 1_000), (3_742, 3_742), (16_383, 900)):
        yield Case(
            "webp bomb",
            f"{width} x {height}",
            WEBP,
            (TOO_LARGE, MALFORMED),
            lambda w=width, h=height: webp_of_size(w, h),
        )
    for frames in (2, 10, 100, 300):
        yield Case("webp bomb", f"{frames} frames", WEBP, (READY,), lambda n=frames: moving(WEBP, n), (CORNERS[0],) * 4)
    yield Case(
        "webp bomb",
        "of one color, as many pixels as are taken",
        WEBP,
        (READY,),
        lambda: saved(WEBP, Image.new("RGB", (4_000, 3_500)), method=0),
    )
    yield Case("webp bomb", "of one color, without loss, one row too many", WEBP, (TOO_LARGE,),
               lambda: saved(WEBP, Image.new("RGB", (4_000, 3_501)), lossless=True, method=0))  # fmt: skip
    for width, height in (
        (60_000, 60_000),
        (2**31, 2),
        (30_000, 30_000),
        (5_001, 5_000),
        (2**32 - 1, 2**32 - 1),
        (40_000, 700),
    ):
        yield Case(
            "heic bomb",
            f"says {width} x {height}",
            HEIC,
            (TOO_LARGE, MALFORMED),
            lambda w=width, h=height: heic_of_size(w, h),
        )
    for width, height in ((0, 0), (1, 1), (8, 8), (500, 500)):
        yield Case(
            "heic bomb",
            f"says {width} x {height}",
            HEIC,
            (READY, MALFORMED, TOO_LARGE),
            lambda w=width, h=height: heic_of_size(w, h),
        )
    yield Case("moving png", "50 frames", PNG, (READY,), lambda: moving(PNG, 50), (CORNERS[0],) * 4)


def moving(kind: str, count: int) -> bytes:
    """The first frame is of one color, the others of others."""
    first = Image.new("RGB", (16, 16), CORNERS[0])
    rest = [Image.new("RGB", (16, 16), (number % 256, number // 256, 99)) for number in range(count - 1)]
    return saved(kind, first, save_all=True, append_images=rest, duration=10)


def many_comments() -> bytes:
    whole = plain(JPEG)
    return whole[:2] + (b"\xff\xfe" + struct.pack("!H", 2 + len(SECRET)) + SECRET) * 5_000 + whole[2:]


def many_scans() -> bytes:
    """The last scan of a progressive JPEG again and again: cheap to send, costly to decode."""
    whole = saved(JPEG, noise(1_024, 1_024).convert("RGB"), progressive=True, quality=30)
    last = whole.rindex(b"\xff\xda")
    return (
        whole[:last] + whole[last:-2] * 2_000 + b"\xff\xd9"
        if len(whole[last:]) < 10_000
        else whole[:-2] + whole[last:-2] * 100 + b"\xff\xd9"
    )


def other_formats() -> Iterator[Case]:
    """What Pillow would open, were it asked to open anything."""
    for number, form in enumerate(
        (
            "TIFF",
            "BMP",
            "ICO",
            "PPM",
            "TGA",
            "PCX",
            "DDS",
            "SGI",
            "ICNS",
            "SPIDER",
            "JPEG2000",
            "AVIF",
            "QOI",
            "EPS",
            "PDF",
        )
    ):
        claims = (JPEG, PNG) if form == "PDF" else (ALLOWED[number % 5], TEXT)
        for claimed in claims:
            yield Case("other format", f"{form}, as {SUFFIX[claimed]}", claimed, (MISMATCH,), lambda f=form: other(f))
    heads = {
        "FITS": b"SIMPLE  =                    T".ljust(2_880) + bytes(100), "PSD": b"8BPS\x00\x01" + bytes(90), "FLI": b"\x80\x00\x00\x00\x11\xaf" + bytes(122),
        "XPM": b'/* XPM */\nstatic char *x[] = {"1 1 1 1"};', "XBM": b"#define x_width 1\n#define x_height 1\n",
        "IM": b"Image type: RGB image\r\n".ljust(511, b"\x00") + b"\x1a", "MP4": b"\x00\x00\x00\x18ftypmp42" + bytes(90), "QuickTime": b"\x00\x00\x00\x14ftypqt  " + bytes(90), "MP3": b"ID3\x03" + bytes(90),
        "WAV": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(90), "SWF": b"FWS\x05" + bytes(90), "a font": b"\x00\x01\x00\x00" + bytes(90), "WMF": b"\xd7\xcd\xc6\x9a" + bytes(90),
    }  # fmt: skip
    for number, (name, body) in enumerate(heads.items()):
        claimed = ALLOWED[number % 5]
        yield Case("other format", f"{name}, as {SUFFIX[claimed]}", claimed, (MISMATCH,), lambda b=body: b)
    for kind in ALLOWED:
        for claimed in ALLOWED:
            if kind != claimed and {kind, claimed} != {TEXT, CSV}:
                yield Case(
                    "wrong claim",
                    f"{SUFFIX[kind]} as {SUFFIX[claimed]}",
                    claimed,
                    (MISMATCH,),
                    lambda k=kind: document(k),
                )


def other(form: str) -> bytes:
    out = io.BytesIO()
    image = picture(32, 32, "F" if form == "SPIDER" else "RGB")
    if form == "QOI":
        return b"qoif" + struct.pack("!IIBB", 32, 32, 3, 0) + bytes(900)
    image.save(out, form)
    return out.getvalue()


def broken() -> Iterator[Case]:
    for kind in ALLOWED:
        yield Case("empty", SUFFIX[kind], kind, (MALFORMED,), bytes)
        yield Case("empty", f"zeros, as {SUFFIX[kind]}", kind, (MISMATCH,), lambda: bytes(4_096))
    for kind in FORMATS:
        for part in (1, 5, 12, 20, 35, 50, 65, 75, 85, 92):
            lost = (MISMATCH, MALFORMED) if part <= 20 else (MALFORMED,)
            yield Case(
                f"cut {SUFFIX[kind]}",
                f"at {part} %",
                kind,
                lost,
                lambda k=kind, p=part: plain(k)[: len(plain(k)) * p // 100],
            )
        for bits in (1, 4, 30):
            for seed in range(10):
                yield Case(
                    f"flipped {SUFFIX[kind]}",
                    f"{bits} bits, {seed}",
                    kind,
                    ANY,
                    lambda k=kind, b=bits, s=seed: flipped(plain(k), b, s),
                )
        for seed in range(10):
            yield Case(f"noise in {SUFFIX[kind]}", str(seed), kind, ANY,
                       lambda k=kind, s=seed: plain(k)[: 40 + s * 20] + random.Random(s).randbytes(3_000))  # fmt: skip


def places() -> Iterator[Case]:
    """Everything that pictures can tell of who took them, and where."""
    for kind in (JPEG, PNG, WEBP, HEIC):
        yield Case("place", f"EXIF in {SUFFIX[kind]}", kind, (READY,), lambda k=kind: saved(k, exif=exif()), CORNERS)
        yield Case("place", f"XMP in {SUFFIX[kind]}", kind, (READY,), lambda k=kind: with_xmp(k), CORNERS)
        yield Case(
            "place",
            f"profile in {SUFFIX[kind]}",
            kind,
            (READY,),
            lambda k=kind: saved(k, icc_profile=profile()),
            CORNERS,
        )
        yield Case(
            "place",
            f"broken profile in {SUFFIX[kind]}",
            kind,
            (READY,),
            lambda k=kind: saved(k, icc_profile=SECRET * 20),
            CORNERS,
        )
        yield Case(
            "place", f"EXIF and XMP in {SUFFIX[kind]}", kind, (READY,), lambda k=kind: with_xmp(k, exif=exif()), CORNERS
        )
    segments = {"IPTC": (0xED, IPTC), "a comment": (0xFE, SECRET), "a maker's part": (0xE5, SECRET), "a second picture": (0xE2, b"MPF\x00" + SECRET),
                "FlashPix": (0xE2, b"FPXR\x00" + SECRET), "broken EXIF": (0xE1, b"Exif\x00\x00MM\x00*" + SECRET),
                "EXIF of 60 kB": (0xE1, b"Exif\x00\x00" + SECRET * 4_000)}  # fmt: skip
    for name, (marker, body) in segments.items():
        yield Case("place", f"{name} in jpg", JPEG, (READY,), lambda m=marker, b=body: with_jpeg_segment(m, b), CORNERS)
    yield Case("place", "two pictures in jpg", JPEG, (READY,), two_pictures, CORNERS)
    for name, body in {"tEXt": b"Author\x00" + SECRET, "zTXt": b"Author\x00\x00" + zlib.compress(SECRET), "iTXt": b"Author\x00\x00\x00\x00\x00" + SECRET,
                       "tIME": bytes((7, 234, 1, 1, 1, 1, 1)), "prVt": SECRET, "eXIf": exif()[6:], "pHYs": bytes(9)}.items():  # fmt: skip
        yield Case(
            "place",
            f"{name} in png",
            PNG,
            (READY,),
            lambda n=name, b=body: with_png_chunks(chunk(n.encode(), b)),
            CORNERS,
        )
    for name, body in {"EXIF": exif(), "XMP ": XMP, "ICCP": SECRET, "ABCD": SECRET}.items():
        yield Case(
            "place",
            f"loose {name.strip()} in webp",
            WEBP,
            (READY,),
            lambda n=name, b=body: with_webp_chunk(n.encode(), b),
            CORNERS,
        )
    yield Case("place", "a comment in gif", GIF, (READY,), lambda: with_gif_comment(SECRET), CORNERS)


def with_xmp(kind: str, **options: object) -> bytes:
    if kind == PNG:
        told = PngImagePlugin.PngInfo()
        told.add_itxt("XML:com.adobe.xmp", XMP.decode())
        return saved(kind, pnginfo=told, **options)
    return saved(kind, xmp=XMP, **options)


def two_pictures() -> bytes:
    """As phones save a picture with a second one behind it (MPO)."""
    out = io.BytesIO()
    picture().save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64), "black")], exif=exif())
    return out.getvalue()


def turned() -> Iterator[Case]:
    for orientation, turn in TURNS.items():
        upright = picture() if turn is None else picture().transpose(turn)
        at = ((2, 2), (upright.width - 3, 2), (2, upright.height - 3), (upright.width - 3, upright.height - 3))
        corners = tuple(upright.getpixel(point) for point in at)
        for kind in (JPEG, PNG, WEBP, HEIC):
            yield Case(
                "turned",
                f"{orientation} in {SUFFIX[kind]}",
                kind,
                (READY,),
                lambda k=kind, o=orientation: saved(k, exif=exif(o)),
                corners,
            )
        yield Case("turned", f"{orientation} in png, behind its pixels", PNG, (READY,),
                   lambda o=orientation: saved(PNG)[:-12] + chunk(b"eXIf", exif(o)[6:]) + chunk(b"IEND", b""), corners)  # fmt: skip
    for orientation in (0, 9, 255, 65_535):
        yield Case(
            "turned",
            f"{orientation} in jpg, which is none",
            JPEG,
            (READY,),
            lambda o=orientation: saved(JPEG, exif=exif(o)),
            CORNERS,
        )


def odd() -> Iterator[Case]:
    """What is taken, however rare."""
    for kind, mode in (
        (JPEG, "L"),
        (JPEG, "CMYK"),
        (PNG, "L"),
        (PNG, "LA"),
        (PNG, "P"),
        (PNG, "1"),
        (PNG, "RGBA"),
        (WEBP, "RGBA"),
        (GIF, "P"),
        (GIF, "L"),
        (HEIC, "RGBA"),
    ):
        yield Case("odd", f"{mode} in {SUFFIX[kind]}", kind, (READY,), lambda k=kind, m=mode: saved(k, picture(mode=m)),
                   CORNERS if mode in ("CMYK", "RGBA", "P") else ())  # fmt: skip
    more = {
        "16 bits of gray": (PNG, lambda: saved(PNG, Image.new("I;16", (40, 30), 40_000))), "interlaced": (PNG, lambda: png_interlaced()),
        "16 bits a color": (PNG, lambda: png(2, 2, zlib.compress(bytes(26)), bits=16)), "1 bit": (PNG, lambda: png(8, 2, zlib.compress(bytes(4)), bits=1, color=0)),
        "a gray that is transparent": (PNG, lambda: saved(PNG, Image.new("L", (9, 9), 7), transparency=7)),
        "progressive": (JPEG, lambda: saved(JPEG, progressive=True)), "4:4:4": (JPEG, lambda: saved(JPEG, subsampling=0)),
        "without loss": (WEBP, lambda: saved(WEBP, lossless=True)), "one pixel": (PNG, lambda: saved(PNG, Image.new("RGB", (1, 1)))),
        "one row": (PNG, lambda: saved(PNG, Image.new("RGB", (10_000, 1)))), "one column": (JPEG, lambda: saved(JPEG, Image.new("RGB", (1, 10_000)))),
        "one pixel of heic": (HEIC, lambda: saved(HEIC, Image.new("RGB", (1, 1)))), "transparent": (GIF, lambda: saved(GIF, Image.new("P", (9, 9)), transparency=0)),
        "a profile of gray": (JPEG, lambda: saved(JPEG, icc_profile=profile("LAB"))), "CMYK with a profile": (JPEG, lambda: saved(JPEG, picture(mode="CMYK"), icc_profile=profile())),
    }  # fmt: skip
    for name, (kind, make) in more.items():
        yield Case("odd", f"{name}, {SUFFIX[kind]}", kind, (READY,), make)


def png_interlaced() -> bytes:
    """Of one pixel: the first pass alone."""
    head = struct.pack("!IIBBBBB", 1, 1, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\x00abc")) + chunk(b"IEND", b"")


def documents() -> Iterator[Case]:
    catalogs = {
        "a script": b"/OpenAction<</S/JavaScript/JS(app.alert(1))>>", "a program": b"/OpenAction<</S/Launch/F(cmd.exe)>>",
        "a link": b"/OpenAction<</S/URI/URI(javascript:alert(1))>>", "a file": b"/Names<</EmbeddedFiles<</Names[(x)3 0 R]>>>>",
        "a form": b"/AcroForm<</XFA 3 0 R>>", "a sound": b"/OpenAction<</S/Sound>>", "a way out": b"/OpenAction<</S/GoToR/F(\\\\x\\y)>>",
        "a page": SCRIPT, "nothing": b"", "a bomb": b"/X " + zeros(50), "an encrypted part": b"/Encrypt 3 0 R", "a film": b"/RichMedia 3 0 R",
    }  # fmt: skip
    for name, catalog in catalogs.items():
        yield Case("pdf", f"with {name}", PDF, (READY,), lambda c=catalog: pdf(c))
    yield Case("pdf", "cut off", PDF, (READY,), lambda: b"%PDF-")
    texts = {
        "EICAR": EICAR, "UTF-8": "مرحبا, hello".encode(), "with a mark": b"\xef\xbb\xbfhello", "UTF-16": "مرحبا".encode("utf-16"),
        "of Windows, in Arabic": "مرحبا".encode("cp1256"), "Latin": "Größe".encode("latin-1"), "BMW": b"BMW parts", "a gift": b"GIFT list", "MZ": b"MZ, ID3, BZh, FWS",
        "a colored log": b"\x1b[31mERROR\x1b[0m", "smaller than": b"1 < 2, <3", "pages": b"one\x0ctwo\r\n", "an XBM": b"#define x_width 1", "half a letter": "é".encode()[:1],
        "a link": b"javascript:alert(1)", "one letter": b"x", "blanks": b" \n", "20 MB": b"hello " * 3_500_000,
    }  # fmt: skip
    for name, body in texts.items():
        yield Case("text", name, TEXT, (READY,), lambda b=body: b)
    for name, body in {
        "a formula": b"=cmd|'/c calc'!A1;2\n",
        "plain": b"a,b\n",
        "EICAR": EICAR,
        "UTF-16": "a;b".encode("utf-16"),
        "tabs": b"a\tb",
    }.items():
        yield Case("text", f"{name}, as csv", CSV, (READY,), lambda b=body: b)
    binary = {
        "a NUL": b"hello\x00", "a NUL far in": b"x" * 100_000 + b"\x00", "a bell": b"\x07", "UTF-16 without a mark": "hello".encode("utf-16le"),
        "half of UTF-16": "hello".encode("utf-16")[:-1], "a NUL in UTF-16": "a\x00".encode("utf-16"), "UTF-32": "hello".encode("utf-32"), "noise": random.Random(1).randbytes(3_000),
        "half of a pair": b"\xff\xfe\x00\xd8x\x00", "a control of UTF-16 far in": ("x" * 50_000 + "\x01").encode("utf-16"),
    }  # fmt: skip
    for name, body in binary.items():
        yield Case("no text", name, TEXT, (MISMATCH,), lambda b=body: b)


def photos() -> Iterator[Case]:
    """As large as phones make them, and larger."""
    for kind, width, height, expected in (
        (JPEG, 4_032, 3_024, (READY,)), (JPEG, 8_064, 6_048, (READY,)), (JPEG, 9_900, 10_100, (READY,)), (JPEG, 12_000, 9_000, (TOO_LARGE,)),
        (HEIC, 4_032, 3_024, (READY,)), (HEIC, 5_712, 4_284, (READY,)), (HEIC, 8_064, 6_048, (TOO_LARGE,)),
        (PNG, 4_032, 3_024, (READY,)), (WEBP, 4_032, 3_024, (READY,)), (GIF, 4_032, 3_024, (READY,)),
    ):  # fmt: skip
        yield Case(
            "photo",
            f"{width} x {height} of {SUFFIX[kind]}",
            kind,
            expected,
            lambda k=kind, w=width, h=height: photo(k, w, h),
        )
    for width, height in ((4_032, 3_024), (8_064, 6_048)):
        yield Case(
            "photo",
            f"{width} x {height} of jpg, progressive",
            JPEG,
            (READY,),
            lambda w=width, h=height: photo(JPEG, w, h, progressive=True),
        )
    for kind, width, height, expected in (
        (PNG, 4_032, 3_024, (READY,)),
        (WEBP, 4_032, 3_024, (TOO_LARGE,)),
        (WEBP, 3_800, 2_600, (READY,)),
    ):
        yield Case("photo", f"{width} x {height} of {SUFFIX[kind]}, transparent", kind, expected,
                   lambda k=kind, w=width, h=height: photo(k, w, h, alpha=True))  # fmt: skip
    yield Case(
        "photo",
        "4032 x 3024 of jpg, CMYK with a profile",
        JPEG,
        (READY,),
        lambda: saved(JPEG, Image.new("CMYK", (4_032, 3_024)), icc_profile=profile()),
    )
    yield Case("photo", "5712 x 4284 of heic, turned, with a profile", HEIC, (READY,),
               lambda: photo(HEIC, 5_712, 4_284, exif=exif(6), icc_profile=profile()))  # fmt: skip


def photo(kind: str, width: int, height: int, *, alpha: bool = False, **options: object) -> bytes:
    image = noise(width // 8, height // 8).resize((width, height)).convert("RGBA" if alpha else "RGB")
    if alpha:
        image.putpixel((0, 0), (0, 0, 0, 0))
    fast = {
        JPEG: {"quality": 85},
        PNG: {"compress_level": 1},
        WEBP: {"method": 0},
        HEIC: {"quality": 50, "enc_params": {"preset": "ultrafast"}},
        GIF: {},
    }
    return saved(kind, image, **fast[kind], **options)


GROUPS = (pages, polyglots, packed, bombs, other_formats, broken, places, turned, odd, photos, documents)


def corpus() -> list[Case]:
    return [case for group in GROUPS for case in group()]


def table() -> str:
    """What stands in `corpus.txt`: group, name, claimed type, and which verdicts are right."""
    return "".join(f"{one.group} | {one.name} | {one.claimed} | {' or '.join(one.expected)}\n" for one in corpus())


if __name__ == "__main__":
    TABLE.write_text(table())
