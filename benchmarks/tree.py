"""The projects that every server serves: made here, so that a run needs nothing from outside but the peers."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.distributions import metadata_of, wheel_bytes, wheel_name

FEW, MANY, BIG = "thirty-files", "many-files", "big-file"
SET_SIZE = 60
_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Tree:
    """A folder with `files/` and, for an upstream, `simple/<project>/index.{json,html}`."""

    folder: Path
    projects: dict[str, list[str]] = field(default_factory=dict)

    @property
    def files(self):
        return self.folder / "files"

    def wheel(self, name, version, *, padding=0, requires=()):
        filename = wheel_name(name, version)
        metadata = metadata_of(name, version, requires=requires)
        path = self.files / filename
        path.write_bytes(wheel_bytes(name, version, padding=padding, metadata=metadata))
        Path(f"{path}.metadata").write_bytes(metadata)
        self.projects.setdefault(name, []).append(filename)

    def list(self, project):
        """Write the upstream's pages of a project."""
        rows = [self._row(filename) for filename in self.projects[project]]
        page = {"meta": {"api-version": "1.1"}, "name": project, "versions": [], "files": rows}
        page["versions"] = sorted({row["filename"].split("-")[1] for row in rows})
        anchors = [
            f'<a href="{row["url"]}#sha256={row["hashes"]["sha256"]}" '
            f'data-core-metadata="sha256={row["core-metadata"]["sha256"]}">{row["filename"]}</a><br>'
            for row in rows
        ]
        folder = self.folder / "simple" / project
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.json").write_text(json.dumps(page))
        (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{''.join(anchors)}</body></html>")

    def list_projects(self):
        """Write the upstream's list of projects."""
        folder = self.folder / "simple"
        rows = [{"name": project} for project in sorted(self.projects)]
        (folder / "index.json").write_text(json.dumps({"meta": {"api-version": "1.1"}, "projects": rows}))
        anchors = "".join(f'<a href="/simple/{row["name"]}/">{row["name"]}</a><br>' for row in rows)
        (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{anchors}</body></html>")

    def _row(self, filename):
        body = (self.files / filename).read_bytes()
        metadata = Path(self.files / f"{filename}.metadata").read_bytes()
        return {
            "filename": filename,
            "url": f"/files/{filename}",
            "hashes": {"sha256": hashlib.sha256(body).hexdigest()},
            "size": len(body),
            "upload-time": "2024-01-02T03:04:05.000000Z",
            "yanked": False,
            "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
        }


def set_names():
    """The projects of the set that uv installs, the first of which needs all others."""
    return [f"part-{number:02}" for number in range(SET_SIZE)]


def build(folder: Path) -> Tree:
    """Make the tree: a project of 30 files of 20 KB, one of 2,000, one of 50 MB, and a set of 60 that need each other."""
    tree = Tree(folder)
    tree.files.mkdir(parents=True)
    for minor in range(30):
        tree.wheel(FEW, f"1.{minor}", padding=19_000)
    for minor in range(2000):
        tree.wheel(MANY, f"1.{minor}")
    tree.wheel(BIG, "1.0", padding=50_000_000)
    names = set_names()
    for number, name in enumerate(names):
        needed = names[number * 3 + 1 : number * 3 + 4]
        for minor in range(8):
            requires = [f"{other}>=1.{minor // 2}" for other in needed]
            tree.wheel(name, f"1.{minor}", padding=4_000 * (1 + number % 10) ** 2, requires=requires)
    for project in tree.projects:
        tree.list(project)
    tree.list_projects()
    return tree
