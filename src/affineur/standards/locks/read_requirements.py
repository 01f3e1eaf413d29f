"""Requirements files by pip's grammar, with what tools write into their comments; also what `pip freeze` prints."""

from __future__ import annotations

import contextlib
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from affineur.errors import Invalid, InvalidDocument
from affineur.model.locks import Lock, LockedFile, LockKind, Pin
from affineur.model.names import ProjectName, normalize
from affineur.standards.locks.values import pinned_version, project_of, read_hash, read_marker, read_name

Other = Callable[[str], str]
"""Returns the text of a file by its path, seen from where the first one is. Raises `Invalid` where it has none."""

_COMMENT = re.compile(r"(^|\s+)#.*$")
_ADDRESS = re.compile(r"\A(?:[A-Za-z][A-Za-z0-9+.-]*://|file:|git@|\.{0,2}/|\.{1,2}(?:/|\\|\Z)|[A-Za-z]:[\\/])")
_ARCHIVE = re.compile(r"\A[^\s;@]+\.(?:whl|tar\.gz|zip|tar\.bz2|tgz|tar\.xz)(?=\s|;|\[|\Z)")
_EXTRAS = re.compile(r"\A(.*?)\[([A-Za-z0-9._,\s-]*)\]\Z")
_EDITABLE_NAME = re.compile(r"#\s*Editable (?:Git )?install with no .*\(([A-Za-z0-9._-]+)(?:==([^)\s]+))?\)")
VIA = re.compile(r"(\s*)#\s*via\b[ :]*(.*)")
"""A comment that says what asked for an entry."""
VIA_MORE = re.compile(r"\s*#\s{2,}\S.*")
"""A line with which such a comment goes on, where it names nothing in its first."""
_FROM = re.compile(r"\A\s*#\s*from (\S+://\S+)\s*\Z")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_QUOTED = re.compile(r"[\"'\\]")
_SHORT = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links"}
_SAME = {"--pypi-url": "--index-url"}
_KNOWN = frozenset(
    {*_SHORT.values(), "--extra-index-url", "--no-index", "--pre", "--prefer-binary", "--require-hashes",
     "--no-binary", "--only-binary", "--trusted-host", "--use-feature", "--no-deps"}
)  # fmt: skip
_WITHOUT_VALUE = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes", "--no-deps"})
_DEEPEST = 16


@dataclass(slots=True)
class _Reader:
    """What is gathered while a file, and those it names, are read."""

    name: str
    other: Other | None
    pins: list[Pin] = field(default_factory=list)
    constraints: list[Pin] = field(default_factory=list)
    index_urls: list[str] = field(default_factory=list)
    extra_index_urls: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    named: list[tuple[str, bool]] = field(default_factory=list)
    """Other files, and whether as constraints."""


def read_requirements(text: str, document: str, other: Other | None = None) -> Lock:
    """Read a requirements file.

    Args:
        text: what the file holds.
        document: its name, for errors.
        other: how files are had that it names with -r and -c; without it they are listed as unread.

    Raises:
        InvalidDocument: a line cannot be read, or the file that it names; the line is named.
    """
    reader = _Reader(document, other, files=[document])
    _read(reader, text, document, reader.pins)
    return Lock(
        LockKind.REQUIREMENTS,
        tuple(_constrained(pin, reader.constraints) for pin in reader.pins),
        index_url=reader.index_urls[-1] if reader.index_urls else "",
        extra_index_urls=tuple(reader.extra_index_urls),
        find_links=tuple(reader.find_links),
        options=tuple(dict.fromkeys(reader.options)),
        constraints=tuple(reader.constraints),
        unread=tuple(reader.unread),
    )


def files_named_in(text: str, document: str, *, constraints: bool = True) -> list[str]:
    """Return the paths of the files that a requirements file names with `-r`, and with `-c` where `constraints`.

    They are seen from where the file is, as `other` is asked for them. What cannot be read is left out.
    """
    reader = _Reader(document, None, files=[document])
    for first, _, line in logical_lines(text):
        if (content := _COMMENT.sub("", line).strip()).startswith("-"):
            with contextlib.suppress(InvalidDocument):
                _option_line(reader, content, document, f"line {first}")
    return list(dict.fromkeys(path for path, constraint in reader.named if constraints or not constraint))


def beside(document: str, path: str) -> str:
    """Return the path that a file means by `path`, seen from where the file is."""
    if "://" in path or posixpath.isabs(path):
        return path
    return posixpath.normpath(posixpath.join(posixpath.dirname(document), path))


def beneath(path: str, folder: str) -> bool:
    """Whether a path, as `beside` returns it, lies in a folder or below it."""
    if "://" in path:
        return False
    relative = path if folder in {"", "."} else posixpath.relpath(path, folder)
    return not posixpath.isabs(relative) and relative.partition("/")[0] != ".."


def logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the first and last number and the text of each line as pip joins them, with comments and empty ones."""
    joined: list[str] = []
    first = number = 0
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not comment:
            first = first or number
            joined.append(raw.rstrip("\\"))
            continue
        if joined and comment:
            raw = " " + raw  # noqa: PLW2901 - so that it is taken for one, as pip does
        yield first or number, number, "".join([*joined, raw])
        joined, first = [], 0
    if joined:
        yield first, number, "".join(joined)


def comment_of(line: str) -> str:
    """Return the comment at the end of a line, with the space before it; "" where there is none."""
    return line[len(_COMMENT.sub("", line)) :]


def is_place(text: str) -> bool:
    """Whether what stands for a requirement is an address or a path, without a name."""
    return bool(_ADDRESS.match(text) or _ARCHIVE.match(text))


def _read(reader: _Reader, text: str, document: str, into: list[Pin]) -> None:
    last: int | None = None
    above: tuple[str, ...] = ()
    listing = False
    """Whether a `# via` goes on in the comment lines that follow."""
    editable: re.Match[str] | None = None
    for first, _, line in logical_lines(text):
        where = f"line {first}"
        content = _COMMENT.sub("", line).strip()
        comment = comment_of(line)
        if not content:
            via, named = VIA.fullmatch(line), _FROM.match(line)
            if via:
                asked, listing = _asked(via[2]), not via[2].strip()
                if last is not None and via[1]:
                    into[last] = replace(into[last], via=into[last].via + asked)
                elif not via[1]:
                    last, above = None, asked
            elif listing and VIA_MORE.fullmatch(line):
                asked = _asked(line.strip().lstrip("#"))
                if last is not None:
                    into[last] = replace(into[last], via=into[last].via + asked)
                else:
                    above += asked
            elif named and last is not None:
                into[last] = replace(into[last], index=named[1])
            else:
                editable = _EDITABLE_NAME.match(line.strip()) or editable
                listing, above = False, above if line.strip() else ()
            continue
        listing = False
        if content.startswith("-"):
            made = _option_line(reader, content, document, where)
        elif (found := _VARIABLE.search(content)) and not is_place(content) and " @ " not in content:
            reader.unread.append(f"{where}: {found[0]} is a variable of the environment, whose value is not known here")
            made = None
        else:
            made = _requirement(content, document, where)
        if made is None:
            last = None
            continue
        via = VIA.fullmatch(comment)
        made = replace(
            made, line=first, document="" if document == reader.name else document,
            via=above + (_asked(via[2]) if via else ()),
        )  # fmt: skip
        if editable and made.editable and not made.project:
            made = replace(made, project=normalize(editable[1]))
        above, editable, last = (), None, len(into)
        into.append(made)


def _asked(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _option_line(reader: _Reader, line: str, document: str, where: str) -> Pin | None:
    """Take a line of options; return the entry where it is one (-e)."""
    words = _words(line, document, where)
    made = None
    while words:
        word = words.pop(0)
        name, value = _option(word)
        if name not in _KNOWN:
            reader.unread.append(f"{where}: {name} is no option of a requirements file that is known here")
            break
        if name not in _WITHOUT_VALUE and value is None:
            if not words:
                raise InvalidDocument(document, f"{word[:80]!r} wants a value", where)
            value = words.pop(0)
        if name == "--editable":
            rest, words = words, []
            made = _editable(" ".join([value or "", *rest]), document, where)
        elif name in {"--requirement", "--constraint"}:
            _include(reader, value or "", document, where, constraint=name == "--constraint")
        else:
            _about_all(reader, name, value or "")
    return made


def _words(text: str, document: str, where: str) -> list[str]:
    if not _QUOTED.search(text):
        return text.split()
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidDocument(document, f"{text[:80]!r}: {error}", where) from None


def _option(word: str) -> tuple[str, str | None]:
    """Return the long name of an option and the value that is written with it, if any."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return _SAME.get(name, name), value if equals else None
    name = _SHORT.get(word[:2], word)
    return name, word[2:].removeprefix("=") if name != word and len(word) > 2 else None


def _about_all(reader: _Reader, name: str, value: str) -> None:
    if name == "--index-url":
        reader.index_urls.append(value)
    elif name == "--extra-index-url":
        reader.extra_index_urls.append(value)
    elif name == "--find-links":
        reader.find_links.append(value)
    else:
        reader.options.append(f"{name} {value}".rstrip())


def _include(reader: _Reader, path: str, document: str, where: str, *, constraint: bool) -> None:
    reader.named.append((beside(document, path), constraint))
    if reader.other is None:
        option = "-c" if constraint else "-r"
        reader.unread.append(f"{where}: {option} {path} names another file, which was not read")
        return
    if len(reader.files) > _DEEPEST:
        raise InvalidDocument(document, f"{path!r}: too many files name one another", where)
    path = beside(document, path)
    if path in reader.files:
        return
    reader.files.append(path)
    try:
        text = reader.other(path)
    except Invalid as error:
        raise InvalidDocument(document, error.sentence, where) from error
    _read(reader, text, path, reader.constraints if constraint else reader.pins)


def _constrained(pin: Pin, constraints: list[Pin]) -> Pin:
    """Return an entry with what constraints say of its project: they pin, but they ask for nothing."""
    about = [one for one in constraints if one.project == pin.project and not one.origin and not one.marker]
    if pin.origin or pin.version or not about:
        return pin
    specifiers = [pin.specifier, *(f"=={one.version}" if one.version else one.specifier for one in about)]
    if len(exact := {one.version for one in about if one.version}) == 1:
        files = pin.files or next(one.files for one in about if one.version)
        return replace(pin, version=exact.pop(), specifier="", files=files)
    return replace(pin, specifier=str(SpecifierSet(",".join(filter(None, specifiers)))))


def _requirement(line: str, document: str, where: str) -> Pin:
    """Read a line that is no option."""
    words = line.split(" ")
    cut = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    text, options = " ".join(words[:cut]).strip(), _words(" ".join(words[cut:]), document, where)
    files = tuple(LockedFile(hashes=(one,)) for one in _hashes(options, document, where))
    if is_place(text):
        return replace(_direct(text, document, where), files=files)
    try:
        made = Requirement(text)
    except InvalidRequirement as error:
        problem = str(error).partition("\n")[0]
        raise InvalidDocument(document, f"{text[:80]!r} is no requirement: {problem}", where) from None
    version = pinned_version(str(made.specifier))
    return Pin(
        read_name(made.name, document, where),
        version,
        specifier="" if version else str(made.specifier),
        marker=str(made.marker or ""),
        extras=tuple(sorted(made.extras)),
        files=files,
        origin=made.url or "",
    )


def _hashes(options: list[str], document: str, where: str) -> Iterator[tuple[str, str]]:
    """Yield the hashes among the options of a requirement; the others say how it is built, not what it is."""
    rest = iter(options)
    for word in rest:
        name, value = _option(word)
        if name == "--hash":
            yield read_hash(value if value is not None else next(rest, ""), document, where)
        elif name in {"--config-settings", "--config-setting", "--global-option", "--install-option", "-C"}:
            if value is None:
                next(rest, None)
        else:
            raise InvalidDocument(document, f"{word[:80]!r} is no option of a requirement", where)


def _direct(text: str, document: str, where: str) -> Pin:
    """Read an address or path with its marker and extras."""
    cut = "; " if "://" in text or text.startswith("file:") else ";"
    address, _, marker = text.partition(cut)
    address, extras = address.strip(), ""
    if "://" not in address and (found := _EXTRAS.match(address)):
        address, extras = found[1], found[2]
    return Pin(
        project_of(address),
        marker=read_marker(marker, document, where),
        extras=tuple(part.strip() for part in extras.split(",") if part.strip()),
        origin=address,
    )


def _editable(text: str, document: str, where: str) -> Pin:
    try:
        named = Requirement(text)
    except (InvalidRequirement, InvalidSpecifier):
        named = None
    if named is not None and named.url:
        made = Pin(
            read_name(named.name, document, where), marker=str(named.marker or ""),
            extras=tuple(sorted(named.extras)), origin=named.url,
        )  # fmt: skip
    else:
        made = _direct(text, document, where)
    return replace(made, editable=True, project=made.project or ProjectName(""))
