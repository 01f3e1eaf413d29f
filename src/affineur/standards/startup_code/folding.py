"""Pure functions of the standard library, worked out on constants of bounded size."""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs
import lzma
import operator
import re
import urllib.parse
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from affineur.standards.startup_code.values import UNKNOWN

_LONGEST = 2**20
_FAULTS = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, zlib.error, lzma.LZMAError, OSError, EOFError, MemoryError,
)  # fmt: skip


def _inflated(data: bytes, *rest: Any) -> bytes:
    engine = zlib.decompressobj(rest[0] if rest and isinstance(rest[0], int) else zlib.MAX_WBITS)
    return engine.decompress(data, _LONGEST)


def _gunzipped(data: bytes) -> bytes:
    return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data, _LONGEST)


def _unbz2(data: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, _LONGEST)


def _unlzma(data: bytes, *_rest: Any) -> bytes:
    return lzma.LZMADecompressor(memlimit=2**27).decompress(data, _LONGEST)


def _decoded(data: Any, encoding: str = "utf-8", *_rest: Any) -> Any:
    if encoding.replace("-", "_").lower() in {"zlib", "zip", "zlib_codec", "bz2", "bz2_codec"}:
        return _inflated(data) if encoding[0] == "z" else _unbz2(data)
    return codecs.decode(data, encoding)


DECODERS: Mapping[str, Callable[..., Any]] = {
    **{f"base64.{name}": getattr(base64, name) for name in (
        "b64decode", "urlsafe_b64decode", "standard_b64decode", "decodebytes", "b32decode", "b16decode", "a85decode", "b85decode",
    )},
    "base64.decodestring": base64.decodebytes,
    "base64.b32hexdecode": base64.b32hexdecode,
    "binascii.unhexlify": binascii.unhexlify,
    "binascii.a2b_hex": binascii.unhexlify,
    "binascii.a2b_base64": binascii.a2b_base64,
    "binascii.a2b_uu": binascii.a2b_uu,
    "zlib.decompress": _inflated,
    "gzip.decompress": _gunzipped,
    "bz2.decompress": _unbz2,
    "lzma.decompress": _unlzma,
    "codecs.decode": _decoded,
    "builtins.bytes.fromhex": bytes.fromhex,
    "builtins.bytearray.fromhex": bytes.fromhex,
    "urllib.parse.unquote": urllib.parse.unquote,
}  # fmt: skip
"""Functions whose answer was hidden before."""

_MOST_ITEMS = 100_000
_WIDE_FORMAT = re.compile(r"%[^a-zA-Z%]*(?:\*|\d{4})")
"""A format that asks for a thousand columns and more."""


def _sized(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(item: Any = (), *_rest: Any) -> Any:
        if isinstance(item, int):
            raise TypeError("a size, not content")
        return make(item, *_rest)

    return made


def _range(*bounds: int) -> tuple[int, ...]:
    wanted = range(*bounds)
    if len(wanted) > _MOST_ITEMS:
        raise ValueError("too long")
    return tuple(wanted)


PLAIN: Mapping[str, Callable[..., Any]] = {
    "builtins.chr": chr,
    "builtins.ord": ord,
    "builtins.str": lambda item="", *rest: (
        str(item, *rest) if rest else item.decode() if isinstance(item, bytes) else str(item)
    ),
    "builtins.bytes": _sized(bytes),
    "builtins.bytearray": _sized(bytes),
    "builtins.int": int,
    "builtins.len": len,
    "builtins.list": tuple,
    "builtins.tuple": tuple,
    "builtins.reversed": lambda items: tuple(items)[::-1],
    "builtins.sum": sum,
    "builtins.min": min,
    "builtins.max": max,
    "builtins.range": _range,
    "builtins.enumerate": lambda items, start=0: tuple(enumerate(items, start)),
    "builtins.zip": lambda *items: tuple(zip(*items, strict=False)),
    "builtins.bytes.maketrans": bytes.maketrans,
    "os.path.join": lambda *parts: "/".join(str(part).rstrip("/") for part in parts),
    "os.path.expanduser": str,
    "os.path.abspath": str,
    "posixpath.join": lambda *parts: "/".join(parts),
    "pathlib.Path": lambda *parts: "/".join(str(part) for part in parts),
    "pathlib.PurePath": lambda *parts: "/".join(str(part) for part in parts),
}


METHODS = frozenset(
    {
        "decode", "encode", "join", "replace", "strip", "lstrip", "rstrip", "lower", "upper", "swapcase", "split", "format",
        "translate", "removeprefix", "removesuffix", "title", "hex", "splitlines", "partition", "zfill", "index", "find",
    }
)  # fmt: skip
"""Methods of text and bytes that only compute."""


def _divided(left: Any, right: Any) -> Any:
    return f"{left}/{right}" if isinstance(left, str) else left / right


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Mod": operator.mod, "BitXor": operator.xor, "Sub": operator.sub, "BitAnd": operator.and_,
    "BitOr": operator.or_, "RShift": operator.rshift, "FloorDiv": operator.floordiv, "Div": _divided,
}  # fmt: skip
_WIDE = {"Mult": operator.mul, "LShift": operator.lshift, "Pow": operator.pow}


def _kept(made: Any) -> Any:
    """Return what was made where it is small and plain, else `UNKNOWN`."""
    if isinstance(made, list | bytearray | memoryview):
        made = bytes(made) if not isinstance(made, list) else tuple(made)
    if isinstance(made, str | bytes | tuple) and len(made) <= _LONGEST:
        return made
    if isinstance(made, int) and made.bit_length() <= 4096:
        return made
    return made if isinstance(made, float | bool | dict) or made is None else UNKNOWN


def call(function: Callable[..., Any], arguments: list[Any], keywords: Mapping[str, Any]) -> Any:
    """Return what a pure function makes of constants, or `UNKNOWN`."""
    try:
        return _kept(function(*arguments, **keywords))
    except _FAULTS:
        return UNKNOWN


def method(target: Any, name: str, arguments: list[Any], keywords: Mapping[str, Any]) -> Any:
    """Return what a method of text, bytes or a number makes, or `UNKNOWN`."""
    if name not in METHODS or not isinstance(target, str | bytes):
        return UNKNOWN
    if name == "decode":
        return call(_decoded, [target, *arguments], {k: v for k, v in keywords.items() if k == "encoding"})
    if name == "encode" and isinstance(target, str):
        return call(codecs.encode, [target, *arguments[:1]], {})
    if name in {"format", "zfill"} and len(target) > 10_000:
        return UNKNOWN
    if name in {"format", "zfill", "replace"} and any(isinstance(a, int) and a > 10_000 for a in arguments):
        return UNKNOWN
    if name == "format" and ":" in str(target):
        return UNKNOWN
    if (
        name == "replace"
        and len(target) * max((len(a) for a in arguments if isinstance(a, str | bytes)), default=0) > _LONGEST
    ):
        return UNKNOWN
    return call(getattr(target, name), arguments, keywords)


def operate(kind: str, left: Any, right: Any) -> Any:
    """Return what an operator makes of two constants, or `UNKNOWN`."""
    if kind in _WIDE:
        sizes = [len(item) if isinstance(item, str | bytes | tuple) else 1 for item in (left, right)]
        counts = [item for item in (left, right) if isinstance(item, int)]
        if max(sizes) * max([abs(c) for c in counts], default=1) > _LONGEST or (
            kind != "Mult" and max(counts, default=0) > 1024
        ):
            return UNKNOWN
        return call(_WIDE[kind], [left, right], {})
    if kind == "Mod" and isinstance(left, str | bytes) and _WIDE_FORMAT.search(str(left)):
        return UNKNOWN
    return call(OPERATORS[kind], [left, right], {}) if kind in OPERATORS else UNKNOWN
