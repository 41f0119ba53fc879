"""A picture written anew, in a process of its own: `python -m ondi.files.imaging KIND SOURCE FOLDER`.

Nothing of what was sent is kept but what is seen: upright, in sRGB, without EXIF, place, comments or colour profile.
Beside it stand a view and a thumbnail. Whatever the bytes do to the libraries that read them, they do it here: with
bounded memory, time and pixels, without the database's address, and without Django. It says what it made as JSON.

Of a moving picture the first frame is kept.
"""

import ctypes
import io
import json
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

MEMORY = 232 * 1024 * 1024  # bytes of data; the libraries' own code comes on top, and is shared
SECONDS = 15  # of the processor
MOST_WRITTEN = 48 * 1024 * 1024
MAIN, VIEW, THUMBNAIL = 4_096, 1_600, 320  # pixels of the longest side
# A JPEG is read at a half, a quarter or an eighth; the others whole, so that they have to fit.
MOST_PIXELS = {"image/jpeg": 100_000_000, "image/heic": 25_000_000}
MOST_PIXELS_OF_OTHERS = 14_000_000
MOST_READ_WHOLE = 20_000_000
FORMATS = {
    "image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF", "image/heic": "HEIF",
}  # fmt: skip
WRITTEN_AS = {"image/heic": "JPEG"}
TOO_LARGE, MALFORMED = "too_large", "malformed"
_PR_SET_PDEATHSIG = 1


class Refused(Exception):
    """`reason`: in the word that is kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def bound() -> None:
    """Limits that no picture gets around; and the end of who started this one is its own."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def rewrite(kind: str, source: Path, folder: Path) -> dict[str, Any]:
    """Write `main`, `view` and `thumbnail` into this folder; the size of the first. Raises `Refused`."""
    picture = _opened(kind, source)
    picture.thumbnail((MAIN, MAIN), _filter(), reducing_gap=2.0)
    _write(picture, FORMATS[kind] if kind not in WRITTEN_AS else WRITTEN_AS[kind], folder / "main")
    width, height = picture.size
    for name, side in (("view", VIEW), ("thumbnail", THUMBNAIL)):
        picture.thumbnail((side, side), _filter(), reducing_gap=2.0)
        _write(picture, "WEBP", folder / name)
    return {"width": width, "height": height}


def _opened(kind: str, source: Path) -> Any:
    """The first frame, upright and in sRGB, as RGB or RGBA."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # judged below, by what each format takes
    if kind == "image/heic":
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    image = Image.open(source, formats=[FORMATS[kind]])
    width, height = image.size
    if width * height > MOST_PIXELS.get(kind, MOST_PIXELS_OF_OTHERS) or not width * height:
        raise Refused(TOO_LARGE)
    if kind == "image/jpeg" and width * height > MOST_READ_WHOLE:
        scale = next(one for one in (2, 4, 8) if width * height / one**2 <= MOST_READ_WHOLE)
        image.draft(None, (width // scale, height // scale))
    orientation, profile = _orientation(image), image.info.get("icc_profile")
    image.load()
    if kind == "image/webp":
        vars(image).update(_decoder=None, fp=None)  # they keep three more copies of it
    image = _plain(image)
    if max(image.size) > MAIN:
        image.thumbnail((MAIN, MAIN), _filter(), reducing_gap=2.0)
    return _upright(_in_srgb(image, profile), orientation)


def _orientation(image: Any) -> int:
    """As EXIF says it; what HEIC says itself is applied by its library, which then says 1."""
    try:
        found = image.getexif().get(0x0112, 1)
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
    if image.mode in ("L", "RGB", "CMYK", "RGBA"):
        return image
    has_alpha = image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if has_alpha else "RGB")


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


def _filter() -> Any:
    from PIL.Image import Resampling

    return Resampling.LANCZOS


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
        "WEBP": {"quality": 80, "method": 3},
        "GIF": {},
    }
    picture.save(path, form, exif=b"", icc_profile=None, **options[form])


def main(kind: str, source: str, folder: str) -> None:
    bound()
    warnings.simplefilter("ignore")
    try:
        said: dict[str, Any] = rewrite(kind, Path(source), Path(folder))
    except Refused as refused:
        said = {"reason": refused.reason}
    except MemoryError:
        said = {"reason": TOO_LARGE}
    except Exception:  # noqa: BLE001 - whatever the libraries raise, it is no picture
        said = {"reason": MALFORMED}
    print(json.dumps(said))  # noqa: T201 - to the process that started this one


if __name__ == "__main__":
    main(*sys.argv[1:])
