"""A picture written anew, in a process of its own: `python -m ondi.files.imaging KIND SOURCE FOLDER [idle]`.

Nothing of what was sent is kept but what is seen: upright, in sRGB, without EXIF, place, comments or colour profile.
Beside it stand a view and a thumbnail. Whatever the bytes do to the libraries that read them, they do it here: with
bounded memory, time and pixels, without the database's address, and without Django. It says what it made as JSON.

Of a moving picture the first frame is kept.
"""

import ctypes
import errno
import io
import json
import os
import resource
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

MEMORY = 232 * 1024 * 1024  # bytes of data; the libraries' own code comes on top, and is shared
SECONDS = 15  # of the processor
MOST_WRITTEN = 48 * 1024 * 1024
MOST_OPEN = 64  # files
NICE, NICE_IDLE = 10, 19
MAIN, VIEW, THUMBNAIL = 4_096, 1_600, 320  # pixels of the longest side
# A JPEG is read at a half, a quarter or an eighth; the others whole, so that they have to fit.
MOST_PIXELS = {"image/jpeg": 100_000_000, "image/heic": 25_000_000}
MOST_PIXELS_OF_OTHERS = 14_000_000
MOST_READ_WHOLE = 20_000_000
MOST_TRANSPARENT_WEBP = 10_000_000  # it is written with three times the memory of others
STRIP = 256  # rows
FORMATS = {
    "image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF", "image/heic": "HEIF",
}  # fmt: skip
WRITTEN_AS = {"image/heic": "JPEG"}
IDLE = "idle"
TOO_LARGE, MALFORMED = "too_large", "malformed"
_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOENT, errno.EACCES}  # of the disk
_PR_SET_PDEATHSIG = 1


class Refused(Exception):
    """`reason`: in the word that is kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def bound(*, idle: bool) -> None:
    """Limits that no picture gets around; and the end of who started this one is its own. Others' work goes first.

    `idle`: it takes only what others leave, which on a busy machine is nothing.
    """
    nice = NICE_IDLE if idle else NICE
    os.nice(nice)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # a kernel that weighs sessions against each other, and not processes
            Path("/proc/self/autogroup").write_text(str(nice))
    if idle:
        with suppress(OSError):  # not allowed everywhere
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_OPEN, MOST_OPEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def rewrite(kind: str, source: Path, folder: Path) -> dict[str, Any]:
    """Write `main`, `view` and `thumbnail` into this folder; the size of the first. Raises `Refused`."""
    picture = _opened(kind, source)
    _write(picture, FORMATS[kind] if kind not in WRITTEN_AS else WRITTEN_AS[kind], folder / "main")
    width, height = picture.size
    for name, side in (("view", VIEW), ("thumbnail", THUMBNAIL)):
        picture = _smaller(picture, side)
        _write(picture, "WEBP", folder / name)
    return {"width": width, "height": height}


def _opened(kind: str, source: Path) -> Any:
    """The first frame, upright and in sRGB, as RGB or RGBA."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = max(MOST_PIXELS.values())  # at twice as many it opens nothing; each format is judged below
    if kind == "image/heic":
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    image = Image.open(source, formats=[FORMATS[kind]])
    width, height = image.size
    most = MOST_PIXELS.get(kind, MOST_PIXELS_OF_OTHERS)
    if kind == "image/webp" and image.mode == "RGBA":
        most = MOST_TRANSPARENT_WEBP
    if width * height > most or not width * height:
        raise Refused(TOO_LARGE)
    if kind == "image/jpeg" and width * height > MOST_READ_WHOLE:
        scale = next(one for one in (2, 4, 8) if width * height / one**2 <= MOST_READ_WHOLE)
        image.draft(None, (width // scale, height // scale))
    orientation, profile = _orientation(image), image.info.get("icc_profile")
    image.load()
    if kind == "image/webp":
        vars(image).update(_decoder=None, fp=None)  # they keep three more copies of it
    image = _plain(image)
    return _upright(_in_srgb(_smaller(image, MAIN), profile), orientation)


def _orientation(image: Any) -> int:
    """As EXIF says it; what HEIC says itself is applied by its library, which then says 1."""
    try:
        found = image.getexif().get(0x0112, 1)
    except MemoryError:
        raise  # too large to be read, not without a side that is up
    except Exception:  # noqa: BLE001 - what cannot be read says nothing
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _upright(image: Any, orientation: int) -> Any:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }  # fmt: skip
    return image.transpose(turns[orientation]) if orientation in turns else image


def _plain(image: Any) -> Any:
    """Eight bits a colour and no palette, so that it can be made smaller."""
    if image.mode.startswith("I") or image.mode == "F":
        image = image.point(lambda value: value * (1 / 256) + 0).convert("L")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _in_srgb(image: Any, profile: bytes | None) -> Any:
    """RGB, or RGBA; a profile that cannot be read counts as none."""
    from PIL import ImageCms

    wanted = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        try:
            given, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, given, srgb, outputMode=wanted)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image if image.mode == wanted else image.convert(wanted)


def _smaller(image: Any, side: int) -> Any:
    """Its longest side at most so long. Strip by strip, for on its way the whole takes as much memory again."""
    from PIL import Image

    if max(image.size) <= side:
        return image
    if image.mode == "RGBA":
        return _smaller(image.convert("RGBa"), side).convert("RGBA")
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    smaller = Image.new(image.mode, (width, height))
    for top in range(0, height, STRIP):
        bottom = min(top + STRIP, height)
        box = (0, top * image.height / height, image.width, min(bottom * image.height / height, image.height))
        smaller.paste(image.resize((width, bottom - top), Image.Resampling.BICUBIC, box), (0, top))
    return smaller


def _write(picture: Any, form: str, path: Path) -> None:
    """A copy with nothing but its pixels."""
    if form == "JPEG" and picture.mode != "RGB":
        from PIL import Image

        paper = Image.new("RGB", picture.size, "white")
        paper.paste(picture, mask=picture.getchannel("A"))
        picture = paper
    picture.info = {}
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 87, "optimize": False, "progressive": False},
        "PNG": {"compress_level": 6},
        "WEBP": {"quality": 80, "method": 1},
        "GIF": {},
    }
    whole = io.BytesIO()  # written by us, so that a full disk is told from a bad picture
    picture.save(whole, form, exif=b"", icc_profile=None, **options[form])
    path.write_bytes(whole.getbuffer())


def answer(kind: str, source: Path, folder: Path) -> dict[str, Any]:
    """What `rewrite` made of it, the `reason` why it made nothing, or the disk's `trouble` as a number of `errno`."""
    try:
        return rewrite(kind, source, folder)
    except Refused as refused:
        return {"reason": refused.reason}
    except MemoryError:
        return {"reason": TOO_LARGE}
    except OSError as error:
        if error.errno in _TROUBLE:
            return {"trouble": error.errno}
        return {"reason": TOO_LARGE if error.errno == errno.EFBIG else MALFORMED}
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise, it is no picture
        return {"reason": TOO_LARGE if type(error).__name__ == "DecompressionBombError" else MALFORMED}


def main(kind: str, source: str, folder: str, priority: str = "") -> None:
    bound(idle=priority == IDLE)
    warnings.simplefilter("ignore")
    print(json.dumps(answer(kind, Path(source), Path(folder))))  # noqa: T201 - to the process that started this one


if __name__ == "__main__":
    main(*sys.argv[1:])
