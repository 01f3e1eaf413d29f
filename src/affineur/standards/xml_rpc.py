"""XML-RPC calls and answers (the specification of 1999, with `nil` and `i8`); pure.

Calls come from anybody, so they are read by a parser that takes neither document types nor
entities, and the values of answers are kept to what XML 1.0 can hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xmlrpc.client import MAXINT, MININT, Fault, Marshaller, Unmarshaller

from defusedxml.xmlrpc import DefusedExpatParser

from affineur.errors import InvalidDocument

PARSE_ERROR, NO_SUCH_METHOD, WRONG_PARAMETERS, APPLICATION_ERROR = -32700, -32601, -32602, -32500
"""Fault codes, from the specification for fault code interoperability."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Call:
    """A method's name and its parameters."""

    method: str
    parameters: list[Any]


def parse_call(body: bytes) -> Call:
    """Read a call.

    Raises:
        InvalidDocument: it is not one, or it has a document type or entities.
    """
    target = Unmarshaller(use_builtin_types=True)
    parser = DefusedExpatParser(target, forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
        parameters, method = target.close(), target.getmethodname()
    except Exception as error:  # the standard unmarshaller raises whatever a hostile text leads it to
        raise InvalidDocument(
            "the XML-RPC call", f"it cannot be read: {str(error) or type(error).__name__}"[:200]
        ) from error
    if not method:
        raise InvalidDocument("the XML-RPC call", "it names no method")
    return Call(method, list(parameters))


def _text(writer: Marshaller, value: Any, write: Callable[[str], object]) -> None:
    writer.dump_unicode(_ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", value), write)


def _number(writer: Marshaller, value: Any, write: Callable[[str], object]) -> None:
    del writer
    kind = "int" if MININT <= value <= MAXINT else "i8"
    write(f"<value><{kind}>{value}</{kind}></value>\n")


class _Writer(Marshaller):
    """Writes values: text without what XML cannot hold, and numbers beyond 32 bits as `i8`."""

    def __init__(self) -> None:
        super().__init__("utf-8", allow_none=True)
        self.dispatch = {**Marshaller.dispatch, str: _text, int: _number}


def answer(value: Any) -> bytes:
    """Write the answer to a call: values of str, int, bool, float, None, list, tuple and dict."""
    return _response((value,))


def fault(code: int, sentence: str) -> bytes:
    """Write a fault: its code and a sentence for people."""
    return _response(Fault(code, sentence))


def _response(values: tuple[Any] | Fault) -> bytes:
    body = _Writer().dumps(values)
    return f"<?xml version='1.0' encoding='utf-8'?>\n<methodResponse>\n{body}</methodResponse>\n".encode()
