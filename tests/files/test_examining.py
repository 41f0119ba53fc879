"""What a file is, by its bytes: what is refused, and what is left of a picture."""

import errno
import io
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageChops, PngImagePlugin
from PIL.Image import Transpose

from ondi.files import examining
from ondi.files.examining import ROOT, examine
from ondi.files.imaging import _smaller, answer
from ondi.files.kinds import ALLOWED, CSV, GIF, HEIC, IMAGES, JPEG, PDF, PNG, TEXT, WEBP, kind_of
from ondi.files.names import content_disposition, shown_name
from ondi.files.scanning import ScannerAway, scan

FORMATS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP", GIF: "GIF", HEIC: "HEIF"}
CORNERS = ("red", "lime", "blue", "yellow")
ORIENTATION, PLACE, MAKER = 0x0112, 0x8825, 0x010F
TURNS = {
    1: None, 2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
}  # fmt: skip
MEBIBYTE = 1024 * 1024


@pytest.fixture(autouse=True, scope="module")
def _reads_heic():
    import pillow_heif

    pillow_heif.register_heif_opener()


def picture(width=120, height=80, mode="RGB"):
    """Four quarters of four colours."""
    image = Image.new("RGB", (width, height))
    for place, color in enumerate(CORNERS):
        x, y = place % 2 * width // 2, place // 2 * height // 2
        image.paste(color, (x, y, x + width // 2, y + height // 2))
    return image.convert(mode)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, FORMATS[kind], **options)
    return out.getvalue()


def secret_exif(orientation=1):
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "secret maker"
    exif.get_ifd(PLACE)[1] = "N"
    return exif


def png(width, height, rows=b""):
    """A PNG that says it is so large."""

    def chunk(name, body):
        return struct.pack("!I", len(body)) + name + body + struct.pack("!I", zlib.crc32(name + body))

    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def zipped(body=b"x"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x", body)
    return out.getvalue()


@pytest.fixture
def look(tmp_path):
    def look(body, claimed):
        source, folder = tmp_path / "source", tmp_path / f"folder{random.random()}"
        source.write_bytes(body)
        folder.mkdir()
        return examine(source, claimed=claimed, folder=folder)

    return look


TEXTS = ("<!DOCTYPE html><p>x", "<html>x", " \n\t<script>x</script>", "<svg xmlns='http://www.w3.org/2000/svg'/>",
         "<?xml version='1.0'?><svg/>", "Hello <script src=x></script>", "\ufeff<html>", "#!/bin/sh\nrm", "%!PS-Adobe",
         "<!-- x --><body onload=x>", "Hello\n<iframe src=x>", "<math><style/>")  # fmt: skip
HOSTILE = [
    *((f"page {number} as {claimed}", text.encode(), claimed, "type_mismatch")
      for number, text in enumerate(TEXTS) for claimed in (TEXT, CSV, JPEG, PDF)),
    *((f"page {number} in UTF-16", text.encode("utf-16"), TEXT, "type_mismatch") for number, text in enumerate(TEXTS)),
    *((f"empty as {claimed}", b"", claimed, "malformed") for claimed in ALLOWED),
    *((f"zip as {claimed}", zipped(bytes(10 * MEBIBYTE)), claimed, "type_mismatch") for claimed in ALLOWED),
    *((f"{form} as {claimed}", None, claimed, "type_mismatch")
      for form in ("TIFF", "BMP", "ICO", "PPM", "TGA", "PCX", "DDS", "SGI") for claimed in (JPEG, PNG, TEXT)),
    ("fits", b"SIMPLE  =                    T" + b" " * 2850, PNG, "type_mismatch"),
    ("eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", JPEG, "type_mismatch"),
    ("program", b"\x7fELF" + bytes(100), TEXT, "type_mismatch"),
    ("controls in text", b"Hello\x00there", TEXT, "type_mismatch"),
    ("controls far in UTF-16", ("x" * 20_000 + "\x01").encode("utf-16"), TEXT, "type_mismatch"),
    ("half a letter of UTF-16", "hello".encode("utf-16")[:-1], TEXT, "type_mismatch"),
    ("half of a pair of UTF-16", b"\xff\xfe" + b"x\x00" * 9_000 + b"\x00\xd8x\x00", TEXT, "type_mismatch"),
    ("program that begins as a GIF", b"GIF89a=1;alert(1)", GIF, "type_mismatch"),
    ("controls far in", b"x" * 20_000 + b"\x01", TEXT, "type_mismatch"),
    ("pdf behind a page", b"<html>%PDF-1.7", PDF, "type_mismatch"),
    ("a PNG of 60,000 x 60,000", png(60_000, 60_000), PNG, "too_large"),
    ("a PNG of 14 million and more", png(4_001, 3_500, b"x"), PNG, "too_large"),
    ("a PNG of no width", png(0, 5), PNG, "malformed"),
    ("a PNG of few rows", png(100, 100, b"\x00" * 10), PNG, "malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "claimed", "reason"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_what_is_no_file_of_ours_is_refused(look, name, body, claimed, reason):
    if body is None:
        out = io.BytesIO()
        picture().save(out, name.split()[0])
        body = out.getvalue()

    assert look(body, claimed).reason == reason


@pytest.mark.parametrize("claimed", [JPEG, PNG, WEBP, GIF, HEIC])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_a_picture_that_was_cut_off_is_refused_whatever_is_left_of_it(look, claimed, part):
    whole = saved(Image.effect_noise((300, 200), 90).convert("RGB"), claimed)

    verdict = look(whole[: int(len(whole) * part)], claimed)

    assert verdict.reason in ("malformed", "type_mismatch")


@pytest.mark.parametrize("kind", [JPEG, WEBP, PNG, HEIC])
@pytest.mark.parametrize("orientation", TURNS)
def test_pictures_stand_upright_and_say_nothing_but_what_is_seen(look, kind, orientation):
    wanted = picture() if TURNS[orientation] is None else picture().transpose(TURNS[orientation])

    verdict = look(saved(picture(), kind, exif=secret_exif(orientation).tobytes()), kind)

    assert verdict.reason == ""
    assert verdict.content_type == (JPEG if kind == HEIC else kind)
    for part in (verdict.main, verdict.view, verdict.thumbnail):
        assert b"secret" not in part.read_bytes()
        with Image.open(part) as seen:
            assert not seen.getexif()
            assert seen.size == wanted.size
            assert not {"exif", "xmp", "icc_profile", "comment"} & set(seen.info)
            for x, y in ((5, 5), (seen.width - 5, 5), (5, seen.height - 5), (seen.width - 5, seen.height - 5)):
                colors = zip(seen.convert("RGB").getpixel((x, y)), wanted.getpixel((x, y)), strict=True)
                assert all(abs(one - other) < 40 for one, other in colors), (part, x, y)


def test_texts_and_profiles_of_a_picture_are_gone(look):
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "secret words", zip=True)
    told.add_itxt("XML:com.adobe.xmp", "secret place")

    verdict = look(saved(picture(), PNG, pnginfo=told, icc_profile=b"secret profile, and a broken one"), PNG)

    assert verdict.reason == ""
    assert b"secret" not in verdict.main.read_bytes()
    assert b"iCCP" not in verdict.main.read_bytes()


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(JPEG, "L"), (JPEG, "CMYK"), (PNG, "L"), (PNG, "LA"), (PNG, "P"), (PNG, "1"), (PNG, "I;16"), (PNG, "RGBA"),
     (WEBP, "RGBA"), (GIF, "P")],
)  # fmt: skip
def test_every_kind_of_picture_is_taken(look, kind, mode):
    image = Image.new(mode, (40, 30)) if mode == "I;16" else picture(40, 30, mode)

    verdict = look(saved(image, kind), kind)

    assert (verdict.reason, verdict.width, verdict.height) == ("", 40, 30)


def test_a_large_picture_is_made_smaller_and_a_small_one_no_larger(look):
    large, small = look(saved(picture(5_000, 1_000), JPEG), JPEG), look(saved(picture(30, 20), PNG), PNG)

    sizes = []
    for verdict in (large, small):
        for part in (verdict.main, verdict.view, verdict.thumbnail):
            with Image.open(part) as seen:
                sizes.append(seen.size)
    assert sizes == [(4_096, 819), (1_600, 320), (320, 64), (30, 20), (30, 20), (30, 20)]


def test_strips_of_a_picture_that_was_made_smaller_do_not_show():
    """Whatever their height: each is made from all rows that bear on it."""
    image = Image.radial_gradient("L").resize((700, 900)).convert("RGB")

    strips, whole = _smaller(image, 800), image.resize((622, 800), Image.Resampling.LANCZOS)

    assert strips.size == whole.size
    assert max(most for _least, most in ImageChops.difference(strips, whole).getextrema()) <= 2


def test_of_a_moving_picture_the_first_frame_is_kept(look):
    frames = [Image.new("RGB", (8, 8), (shade % 256, 0, 0)) for shade in range(10_000)]

    verdict = look(saved(frames[0], GIF, save_all=True, append_images=frames[1:], duration=10), GIF)

    with Image.open(verdict.main) as seen:
        assert getattr(seen, "n_frames", 1) == 1


def test_what_is_behind_a_picture_does_not_go_with_it(look):
    verdict = look(saved(picture(), JPEG) + zipped(b"secret") + b"<script>secret</script>", JPEG)

    assert verdict.reason == ""
    assert b"secret" not in verdict.main.read_bytes()


@pytest.mark.parametrize("kind", [JPEG, PNG, WEBP, GIF, HEIC])
def test_flipped_bits_are_refused_or_harmless(look, kind):
    chance, whole = random.Random(kind), saved(picture(), kind)
    body = bytearray(whole)
    for _bit in range(20):
        body[chance.randrange(12, len(body))] ^= 1 << chance.randrange(8)

    assert look(bytes(body), kind).reason in ("", "malformed", "type_mismatch", "too_large")


def test_documents_are_kept_as_they_came(look):
    script = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj"
    for body, kind in ((script, PDF), ("مرحبا\nhello, there".encode(), TEXT), (b"a;b\n1;2\n", CSV),
                       ("é".encode("latin-1") * 9, TEXT), ("hi".encode("utf-16"), TEXT), (b"BMW: 3 parts", TEXT),
                       (b"GIFT list", TEXT), (b"MZ, ID3", TEXT), (b"\x1b[31mred\x1b[0m", TEXT)):  # fmt: skip
        verdict = look(body, kind)
        assert (verdict.reason, verdict.main.read_bytes(), verdict.view) == ("", body, None)


def test_what_is_transparent_stays_so(look):
    image = Image.new("L", (8, 8), 7)
    image.putpixel((0, 0), 9)

    with Image.open(look(saved(image, PNG, transparency=7), PNG).main) as seen:
        assert seen.getpixel((0, 0))[3] == 255
        assert seen.getpixel((5, 5))[3] == 0


def test_a_full_disk_is_no_bad_picture(tmp_path):
    """`/dev/full` says that the disk is: once where the process writes, once where we make room for it."""
    (tmp_path / "main").symlink_to("/dev/full")
    (tmp_path / "source").write_bytes(saved(picture(), JPEG))

    assert answer(JPEG, tmp_path / "source", tmp_path) == {"trouble": errno.ENOSPC}
    assert answer(JPEG, tmp_path / "nowhere", tmp_path) == {"trouble": errno.ENOENT}


def test_a_disk_that_fails_is_told_and_judges_no_file(tmp_path, monkeypatch):
    (tmp_path / "source").write_bytes(saved(picture(), JPEG))
    monkeypatch.setattr(Path, "mkdir", full_folder(Path.mkdir))

    with pytest.raises(OSError, match="No space left"):
        examine(tmp_path / "source", claimed=JPEG, folder=tmp_path)


def full_folder(mkdir):
    """A folder in which nothing can be kept."""

    def make(path, *args, **kwargs):
        mkdir(path, *args, **kwargs)
        (path / "main").symlink_to("/dev/full")

    return make


def test_the_process_that_reads_pictures_stays_small(tmp_path):
    """What the largest that are taken cost it."""
    for kind, mode, size in ((JPEG, "RGB", (8_064, 6_048)), (PNG, "RGBA", (4_096, 3_400))):
        source, folder = tmp_path / "large", tmp_path / kind.replace("/", "")
        source.write_bytes(saved(picture(*size, mode), kind))
        folder.mkdir()
        measured = (
            "import resource, subprocess, sys; "
            "subprocess.run([sys.executable, '-m', 'ondi.files.imaging', *sys.argv[1:]], check=True); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
        )
        command = [sys.executable, "-c", measured, kind, str(source), str(folder)]
        out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert '"width"' in out, out
        assert int(out.split()[-1]) < 256, out


def test_the_reader_of_pictures_knows_nothing_of_us():
    code = "import sys, ondi.files.imaging; print(sorted(name for name in sys.modules if 'django' in name))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"


def test_types_are_told_by_bytes(tmp_path):
    for kind in IMAGES:
        (tmp_path / "x").write_bytes(saved(picture(), kind))
        assert kind_of(tmp_path / "x") == kind


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("parcel.jpg", JPEG, "parcel.jpg"), ("PARCEL.JPG", JPEG, "PARCEL.JPG"), ("photo.heic", JPEG, "photo.jpg"),
        ("invoice.html", TEXT, "invoice.html.txt"), ("a/b\\c.pdf", PDF, "a_b_c.pdf"), ("..", TEXT, "file.txt"),
        ("\u202egpj.exe", JPEG, "gpj.exe.jpg"), ("x\x00y.txt", TEXT, "xy.txt"), ('a"b.csv', CSV, "a_b.csv"),
        ("طرد مكسور.jpg", JPEG, "طرد مكسور.jpg"), (" . ", PNG, "file.png"), ("a\nb.txt", TEXT, "ab.txt"),
        ("\ud800.png", PNG, "file.png"), ("photo.png", JPEG, "photo.jpg"),
    ],
)  # fmt: skip
def test_names_mislead_nobody(name, kind, shown):
    assert shown_name(name, kind) == shown
    content_disposition(shown_name(name, kind), inline=False).encode("ascii")


def test_long_names_lose_letters_and_not_their_suffix():
    assert shown_name("ط" * 255, JPEG) == "ط" * 251 + ".jpg"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.pdf", 'attachment; filename="a b.pdf"'),
        ("طرد.jpg", "attachment; filename=\"___.jpg\"; filename*=UTF-8''%D8%B7%D8%B1%D8%AF.jpg"),
        ('a"b\\c%d.pdf', "attachment; filename=\"a_b_c_d.pdf\"; filename*=UTF-8''a%22b%5Cc%25d.pdf"),
        ("a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
    ],
)
def test_old_programs_get_a_name_in_ascii_and_all_others_the_whole_one(name, header):
    assert content_disposition(name, inline=False) == header
    assert content_disposition(name, inline=True) == header.replace("attachment", "inline", 1)


def test_the_scanner_is_asked_and_heard(clamd, tmp_path):
    address, says, got = clamd
    path = tmp_path / "x"
    path.write_bytes(b"y" * 200_000)

    assert scan(path, address=address) is None
    assert got == [b"y" * 200_000]
    says[0] = b"stream: Eicar-Test-Signature FOUND\0"
    assert scan(path, address=address) == "Eicar-Test-Signature"
    for nonsense in (b"INSTREAM size limit exceeded. ERROR\0", b"", b"hello\0", b"stream: \0"):
        says[0] = nonsense
        with pytest.raises(ScannerAway):
            scan(path, address=address)


@pytest.mark.parametrize("pieces", [0, 100])
def test_a_scanner_that_never_comes_to_an_end_is_away(pieces, tmp_path):
    """It takes the file and says nothing, or a letter now and then."""
    (tmp_path / "x").write_bytes(b"x")

    def dribble(listening):
        line, _where = listening.accept()
        with line:
            for _piece in range(pieces):
                time.sleep(0.05)
                if over.is_set():
                    return
                line.sendall(b"s")
            over.wait(5)

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=dribble, args=(listening,))
        thread.start()
        begun = time.monotonic()
        try:
            with pytest.raises(ScannerAway):
                scan(tmp_path / "x", address=f"tcp://127.0.0.1:{listening.getsockname()[1]}", timeout=0.3)
        finally:
            over.set()
            thread.join()
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "unix:/nowhere", "http://x", "tcp://127.0.0.1"])
def test_a_scanner_that_is_away_is_no_clean_file(address, tmp_path):
    (tmp_path / "x").write_bytes(b"x")

    with pytest.raises(ScannerAway):
        scan(tmp_path / "x", address=address, timeout=1)


@pytest.fixture
def reader_at_work(tmp_path):
    """A worker, and the process that reads a picture for it which does not come."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = (
        "import sys; from pathlib import Path; from ondi.files.examining import _written_anew; "
        "print(_written_anew('image/jpeg', Path(sys.argv[1]), Path(sys.argv[2])))"
    )
    secrets = os.environ | {"DATABASE_URL": "postgres://secret", "SECRET_KEY": "secret"}
    worker = subprocess.Popen([sys.executable, "-c", code, str(pipe), str(tmp_path)], cwd=ROOT, env=secrets)
    with pipe.open("wb"):  # opens when the reader does
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
        yield worker, Path("/proc") / children[0]
        worker.kill()
        worker.wait()


def test_the_reader_of_pictures_knows_no_secret_and_has_its_limits(reader_at_work):
    _worker, reader = reader_at_work

    assert b"secret" not in (reader / "environ").read_bytes()
    limits = (reader / "limits").read_text()
    for name, most in (("data size", 232 * MEBIBYTE), ("cpu time", 15), ("file size", 48 * MEBIBYTE),
                       ("open files", 64), ("core file size", 0)):  # fmt: skip
        assert re.search(rf"Max {name} +{most} +{most} ", limits), limits


def test_others_go_before_the_reader_of_pictures(reader_at_work):
    worker, reader = reader_at_work

    assert os.getpriority(os.PRIO_PROCESS, int(reader.name)) > os.getpriority(os.PRIO_PROCESS, worker.pid)


def test_the_reader_of_pictures_dies_with_its_worker(reader_at_work):
    worker, reader = reader_at_work

    worker.kill()
    worker.wait()

    ends = time.monotonic() + 5
    while reader.exists() and "State:\tZ" not in (reader / "status").read_text():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_machine_without_time_judges_no_picture(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(examining, "SECONDS", 0.5)

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        examining._written_anew(JPEG, pipe, tmp_path)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("signal", "reason"), [("SEGV", "malformed"), ("XCPU", "too_large")])
def test_a_reader_that_ends_at_a_limit_or_crashes_found_no_picture(tmp_path, monkeypatch, signal, reason):
    """Its answer is not believed, whatever it said before."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho \'{{"width": 1, "height": 1}}\'\nkill -{signal} $$\n')
    program.chmod(0o700)
    monkeypatch.setattr(examining.sys, "executable", str(program))

    assert examining._written_anew(JPEG, tmp_path / "x", tmp_path) == {"reason": reason}
