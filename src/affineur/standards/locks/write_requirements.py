"""Requirements files as pip reads them, laid out as pip-tools and uv lay them out."""

from __future__ import annotations

from collections.abc import Iterator

from affineur.model.locks import Lock, Pin
from affineur.standards.locks.comments import Comments, OfEntry
from affineur.standards.locks.merge import merged, without_extras


def write_requirements(lock: Lock, comments: Comments = Comments()) -> str:  # noqa: B008 - it is frozen
    """Return the lock as a requirements file, with what people wrote to its entries and below them."""
    lines = []
    if lock.index_url:
        lines.append(f"--index-url {lock.index_url}")
    lines += [f"--extra-index-url {url}" for url in lock.extra_index_urls]
    lines += [f"--find-links {place}" for place in lock.find_links]
    lines += lock.options
    if lines:
        lines.append("")
    pins = without_extras(merged(lock.pins))
    for pin, written in zip(pins, comments.of(pins), strict=True):
        lines += _entry(pin, written)
    lines += comments.foot
    return "\n".join(lines) + "\n" if lines else ""


def requirement_of(pin: Pin) -> str:
    """Return an entry as pip asks for it, without its hashes."""
    asked = f"[{','.join(pin.extras)}]" if pin.extras else ""
    if pin.editable:
        fragment = "" if not pin.project or "egg=" in pin.origin or "://" not in pin.origin else _egg(pin)
        return f"-e {pin.origin}{fragment}{asked}" + (f" ; {pin.marker}" if pin.marker else "")
    if pin.origin:
        named = f"{pin.project}{asked} @ {pin.origin}" if pin.project and "://" in pin.origin else pin.origin + asked
        return named + (f" ; {pin.marker}" if pin.marker else "")
    version = f"=={pin.version}" if pin.version else pin.specifier
    return f"{pin.project}{asked}{version}" + (f" ; {pin.marker}" if pin.marker else "")


def _egg(pin: Pin) -> str:
    return ("&" if "#" in pin.origin else "#") + f"egg={pin.project}"


def _entry(pin: Pin, written: OfEntry) -> Iterator[str]:
    yield from written.above
    hashes = [f"    --hash={algorithm}:{digest}" for algorithm, digest in pin.hashes]
    first, *others = [requirement_of(pin), *hashes]
    for line in others:
        yield f"{first} \\"
        first = line
    yield first + (f"  {written.beside}" if written.beside else "")
    yield from (f"    {line}" for line in written.below)
    if len(pin.via) == 1:
        yield f"    # via {pin.via[0]}"
    elif pin.via:
        yield "    # via"
        yield from (f"    #   {name}" for name in pin.via)
