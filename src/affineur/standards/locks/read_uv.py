"""uv.lock. Under which markers and for which groups an entry is wanted follows from the ways that lead to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit, urlunsplit

from packaging.markers import Marker

from affineur.errors import InvalidDocument
from affineur.model.locks import Lock, LockedFile, LockKind, Pin, Root
from affineur.model.names import ProjectName
from affineur.standards.locks.tables import Table
from affineur.standards.locks.values import both, filename_of, in_utc, located, read_hash, read_marker, read_name
from affineur.standards.locks.ways import Edge, Node, ways

_LOCAL = ("editable", "virtual", "directory")


@dataclass(frozen=True, slots=True)
class _Package:
    table: Table
    name: ProjectName
    version: str
    source: Table

    @property
    def node(self) -> Node:
        return (self.name, self.version, repr(sorted(self.source.values.items())))


def read_uv(root: Table) -> Lock:
    """Read the document.

    Raises:
        InvalidDocument: it is not as uv writes it.
    """
    if root.number("version") != 1:
        raise InvalidDocument(root.document, f"version {root.values.get('version')} of the format is not known here")
    packages = [_package(table) for table in root.tables("package")]
    members = set(root.table("manifest").texts("members"))
    roots = [one for one in packages if (one.name in members if members else _is_root(one))]
    by_name: _ByName = {}
    for package in packages:
        by_name.setdefault(package.name, []).append(package)
    edges = {one.node: list(_edges(one.table.tables("dependencies"), by_name)) for one in packages}
    by_extra = {
        (one.node, extra): list(_edges(one.table.table("optional-dependencies").tables(extra), by_name))
        for one in packages
        for extra in one.table.table("optional-dependencies").values
    }
    reached = ways(_starts(roots, packages, by_name, edges), edges, by_extra)
    registries = list(dict.fromkeys(url for one in packages if (url := one.source.text("registry"))))
    index = registries[0] if registries else ""
    python = root.text("requires-python")
    return Lock(
        LockKind.UV,
        tuple(_pin(one, reached, index, edges, by_extra) for one in packages if one not in roots),
        requires_python=python,
        environments=tuple(
            read_marker(m, root.document, "resolution-markers") for m in root.texts("supported-markers")
        ),
        extras=tuple(sorted({extra for one in roots for extra in one.table.table("optional-dependencies").values})),
        root=_root(roots[0]) if len(roots) == 1 else None,
        index_url=index,
        extra_index_urls=tuple(registries[1:]),
        unread=tuple(_unread(root, roots)),
    )


def _unread(root: Table, roots: list[_Package]) -> Iterator[str]:
    if len(roots) > 1:
        yield f"the members of the workspace as projects of their own: {', '.join(one.name for one in roots)}"
    for key in ("conflicts",):
        if key in root:
            yield f"{key}: which extras or groups exclude one another"


_ByName = dict[str, list[_Package]]


def _package(table: Table) -> _Package:
    name = read_name(table.needed("name"), table.document, table.place("name"))
    return _Package(table, name, table.text("version"), table.table("source"))


def _is_root(package: _Package) -> bool:
    return any(package.source.text(kind) == "." for kind in _LOCAL)


def _edges(dependencies: list[Table], by_name: _ByName) -> Iterator[Edge]:
    for one in dependencies:
        marker = read_marker(one.text("marker"), one.document, one.place("marker"))
        version, source = one.text("version"), one.table("source").values
        for package in by_name.get(one.needed("name"), []):
            if (not version or package.version == version) and (not source or package.source.values == source):
                yield Edge(package.node, marker, one.texts("extra"))


def _starts(
    roots: list[_Package], packages: list[_Package], by_name: _ByName, edges: dict[Node, list[Edge]]
) -> list[tuple[str, list[Edge]]]:
    """Return what each root asks for, under the name of the group or extra; "" is always."""
    if not roots:
        asked = {edge.node for some in edges.values() for edge in some}
        return [("", [Edge(one.node) for one in packages if one.node not in asked])]
    starts = []
    for one in roots:
        starts.append(("", edges[one.node]))
        for key in ("optional-dependencies", "dev-dependencies"):
            table = one.table.table(key)
            starts += [(name, list(_edges(table.tables(name), by_name))) for name in table.values]
    return starts


def _pin(
    one: _Package,
    reached: dict[Node, dict[str, str]],
    index: str,
    edges: dict[Node, list[Edge]],
    by_extra: dict[tuple[Node, str], list[Edge]],
) -> Pin:
    groups = reached.get(one.node, {})
    origin, editable = _origin(one.source)
    registry = one.source.text("registry")
    files = [_file(file) for file in one.table.tables("wheels")]
    if "sdist" in one.table:
        files.insert(0, _file(one.table.table("sdist")))
    return Pin(
        one.name,
        one.version,
        marker=groups[""] if "" in groups else _any(groups),
        files=tuple(files),
        origin=origin,
        editable=editable,
        index="" if registry == index else registry,
        groups=() if "" in groups else tuple(sorted(groups)),
        requires=tuple(_requires(one, edges, by_extra)),
    )


def _any(groups: dict[str, str]) -> str:
    found = set(groups.values())
    if len(found) <= 1:
        return "".join(found)
    return "" if "" in found else str(Marker(" or ".join(f"({marker})" for marker in sorted(found))))


def _requires(
    one: _Package, edges: dict[Node, list[Edge]], by_extra: dict[tuple[Node, str], list[Edge]]
) -> Iterator[str]:
    """Yield what an entry leads to, pinned as the lock has it."""
    rows = [("", edge) for edge in edges[one.node]]
    rows += [(extra, edge) for (node, extra), some in by_extra.items() if node == one.node for edge in some]
    for extra, edge in rows:
        name, version, _ = edge.node
        asked = f"[{','.join(edge.extras)}]" if edge.extras else ""
        marker = both(edge.marker, f'extra == "{extra}"' if extra else "")
        yield f"{name}{asked}" + (f"=={version}" if version else "") + (f"; {marker}" if marker else "")


def _file(file: Table) -> LockedFile:
    url = file.text("url") or file.text("path")
    stated = file.text("hash")
    return LockedFile(
        file.text("filename") or filename_of(url),
        (read_hash(stated, file.document, file.where),) if stated else (),
        url,
        file.number("size"),
        in_utc(file.values.get("upload-time") or file.values.get("upload_time")),
    )


def _origin(source: Table) -> tuple[str, bool]:
    """Return the direct address, and whether it is editable."""
    if git := source.text("git"):
        parts = urlsplit(git)
        asked = parse_qs(parts.query)
        plain = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        return located(plain, parts.fragment, subdirectory=asked.get("subdirectory", [""])[0]), False
    for kind in ("url", "path", *_LOCAL):
        if kind in source:
            subdirectory = source.text("subdirectory")
            return source.text(kind) + (subdirectory and f"#subdirectory={subdirectory}"), kind == "editable"
    return "", False


def _root(package: _Package) -> Root:
    metadata = package.table.table("metadata")
    needed, extras = [], {extra: [] for extra in metadata.texts("provides-extras")}  # type: ignore[var-annotated]
    for one in metadata.tables("requires-dist"):
        text, extra = _asked(one)
        (extras.setdefault(extra, []) if extra else needed).append(text)
    dev = metadata.table("requires-dev")
    return Root(
        package.table.text("name"),
        package.version,
        tuple(needed),
        tuple((name, tuple(texts)) for name, texts in extras.items()),
        tuple((name, tuple(_asked(one)[0] for one in dev.tables(name))) for name in dev.values),
    )


def _asked(one: Table) -> tuple[str, str]:
    """Return a requirement of the project, and the extra it belongs to, if any."""
    marker, extra = one.text("marker"), ""
    for quote in "'\"":
        start = f"extra == {quote}"
        at = marker.find(start)
        if at != -1:
            extra = marker[at + len(start) :].partition(quote)[0]
            before = marker[:at].removesuffix(" and ").removeprefix("(").removesuffix(")")
            marker = before.strip()
    asked = ",".join(one.texts("extras"))
    text = one.text("name") + (f"[{asked}]" if asked else "") + one.text("specifier")
    return text + (f"; {marker}" if marker else ""), extra
