"""The shape of an operation: what it takes, what it gives, who may ask for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from affineur.errors import Invalid
from affineur.model.principals import Right
from affineur.operations.context import Context
from affineur.operations.fields import check


class Kind(StrEnum):
    """What an operation does to the state."""

    READ = "read"
    CHANGE = "change"
    DESTROY = "destroy"
    """What cannot be taken back: commands ask first."""


STANDARD_STREAM = "-"
"""The path by which commands mean standard input or output."""


class Document(msgspec.Struct, frozen=True):
    """A text file that an operation is about: commands read and write it where they are run."""

    name: str
    """The path as the command was given it; `-` is standard input and output."""
    text: str
    included: bool = False
    """Whether it was read because another one names it (`-r`, `-c` of a requirements file)."""


def texts_of(documents: Sequence[Document]) -> Callable[[str], str]:
    """Return how the text of one of some documents is had by its path, as `read_lock` asks for what a file names."""
    texts = {document.name: document.text for document in documents}

    def text_of(path: str) -> str:
        if path not in texts:
            raise Invalid(f"{path} was not given: give it too")
        return texts[path]

    return text_of


class Installed(msgspec.Struct, frozen=True):
    """A distribution that is installed in an environment."""

    name: str
    version: str
    origin: str = ""
    """The address or folder it came from (PEP 610); empty: an index."""
    editable: bool = False


def argument(text: str) -> msgspec.Meta:
    """Describe a field that commands take by its place."""
    return msgspec.Meta(description=text, extra={"positional": True})


def option(text: str) -> msgspec.Meta:
    """Describe a field that commands take by its name; tuples are separated by commas."""
    return msgspec.Meta(description=text)


def file_option(text: str, *names: str) -> msgspec.Meta:
    """Describe a text field that commands read from a file (`-` is standard input)."""
    return msgspec.Meta(description=text, extra={"file": True, "names": list(names)})


def documents_argument(text: str, *, follow: bool = False, one: bool = False) -> msgspec.Meta:
    """Describe a field of type `Document`, or a tuple of them: commands take paths by their place.

    With `follow` the requirements files that they name (`-r`, `-c`) are read too, with `one` just one path is taken.
    """
    return msgspec.Meta(description=text, extra={"documents": True, "positional": True, "follow": follow, "one": one})


def address_option(text: str) -> msgspec.Meta:
    """Describe a field of type `tuple[Document, ...]` for which commands fetch a file from an http or https address."""
    return msgspec.Meta(description=text, extra={"fetched": True})


def environment_option(text: str) -> msgspec.Meta:
    """Describe a field of type `tuple[Installed, ...]`: commands look into an environment where they are run."""
    return msgspec.Meta(description=text, extra={"environment": True})


def documents_option(text: str, *names: str, follow: bool = False) -> msgspec.Meta:
    """Describe the same taken by its name, paths separated by commas."""
    return msgspec.Meta(description=text, extra={"documents": True, "names": list(names), "follow": follow})


def output_argument(text: str) -> msgspec.Meta:
    """Describe the path to write to, which commands take by its place."""
    return msgspec.Meta(description=text, extra={"output": True, "positional": True})


def output_option(text: str) -> msgspec.Meta:
    """Describe the path to write to, which commands take by `-o` and its name; empty: standard output."""
    return msgspec.Meta(description=text, extra={"output": True, "names": ["-o"]})


def before_in(field: str) -> msgspec.Meta:
    """Describe a text field that commands fill from the file whose path is in `field`; empty where there is none yet."""
    return msgspec.Meta(extra={"text_of": field})


def filled_from_server() -> msgspec.Meta:
    """Describe a text field that commands fill with the address of the server that they act on; empty for none."""
    return msgspec.Meta(extra={"from_server": True})


def takes_many(field: msgspec.structs.FieldInfo) -> bool:
    """Whether a field of a request is a tuple of values."""
    info = msgspec.inspect.type_info(field.type)
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    return isinstance(info, msgspec.inspect.VarTupleType)


@dataclass(frozen=True)
class Operation:
    """A row of the table. `request` and the result are msgspec structs (or lists of them)."""

    name: str
    """One or two words: the command, and with a slash the address below /api/v1/."""
    request: type[msgspec.Struct]
    """Its docstring is the help of the command."""
    run: Callable[[Context, Any], Awaitable[Any]]
    kind: Kind = Kind.READ
    right: Right = Right.ADMIN
    place: Callable[[Any], str | None] = lambda _request: "*"
    """The index or source in which the right is needed; None: in any, for what belongs to people and not to indexes.

    "" stands for the default index, "*" for the whole server.
    """
    say: Callable[[Any], str] | None = None
    """The result as text for people; without it results are shown as a table."""
    brief: Callable[[Any], str] | None = None
    """What `--quiet` prints."""
    looks_only: Callable[[Any], bool] = lambda _request: False
    """Whether a request of a destroying operation destroys nothing, so that commands need not ask."""
    writes: Callable[[Any], Sequence[Document]] | None = None
    """What of the result commands write to files: to those they were given or told to write to, and no others."""
    alone: Callable[[Any], Any] = lambda _request: None
    """Answers a request that needs neither server nor data folder; None where it needs one."""
    found: Callable[[Any], bool] = lambda _result: False
    """Whether a check found something (exit code 3)."""
    unsure: Callable[[Any], bool] = lambda _result: False
    """Whether a check found nothing but could not look at everything (exit code 4)."""
    forms: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    """What `--format` offers besides table and json, each made from the result."""

    def checked(self, request: Any) -> Any:
        """Return a request whose fields hold what they may; whoever makes one passes it through here.

        Raises:
            Invalid: a number is out of its bounds, or a text cannot be kept.
        """
        check(request)
        return request

    @property
    def path(self) -> str:
        """The address below /api/v1/."""
        return self.name.replace(" ", "/")

    @property
    def help(self) -> str:
        """A sentence on what it does."""
        return (self.request.__doc__ or "").strip()
