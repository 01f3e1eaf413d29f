"""Decompression in bounded pieces."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from affineur.standards.archives.values import Broken, Limits

PIECE = 64 * 1024
_OUTPUT = 256 * 1024

RAW_DEFLATE = -zlib.MAX_WBITS
GZIP = 16 + zlib.MAX_WBITS


def inflate(read: Callable[[int], bytes], window: int) -> Iterator[bytes]:
    """Yield the decompressed data of exactly one stream in pieces of at most 256 KiB.

    Raises `Broken` when the stream is damaged or cut short, or when bytes follow it.
    """
    engine = zlib.decompressobj(window)
    while not engine.eof:
        source = engine.unconsumed_tail or read(PIECE)
        try:
            output = engine.decompress(source, _OUTPUT)
        except zlib.error:
            raise Broken("framing", "the compressed data are damaged") from None
        if output:
            yield output
        elif not source and not engine.eof:
            raise Broken("framing", "the compressed data are cut short")
    if engine.unused_data or read(1):
        raise Broken("framing", "bytes follow the compressed data")


def check_growth(unpacked: int, packed: int, limits: Limits) -> None:
    """Raise `Broken` when an archive of `packed` bytes unpacks to too much."""
    if unpacked > limits.unpacked:
        raise Broken("bomb", f"unpacks to more than {limits.unpacked} bytes")
    if unpacked > limits.ratio_from and unpacked > limits.ratio * packed:
        raise Broken("bomb", f"unpacks to more than {limits.ratio} times its size")


def check_count(members: int, limits: Limits) -> None:
    """Raise `Broken` when an archive has too many members."""
    if members > limits.members:
        raise Broken("bomb", f"has more than {limits.members} members")
