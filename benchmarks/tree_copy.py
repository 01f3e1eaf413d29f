"""The bytes that affineur serves, laid out as files for nginx."""

import os
from pathlib import Path

import requests

JSON = "application/vnd.pypi.simple.v1+json"
_FORMS = ((JSON, "json"), ("text/html", "html"))


def _body(url, **headers):
    with requests.get(url, headers={"Accept-Encoding": "identity", **headers}, stream=True, timeout=60) as answer:
        answer.raise_for_status()
        return answer.raw.read()


def copy_page(server, path, root: Path):
    """Copy a page in both forms, plain and gzipped, under the same path."""
    folder = root / path.strip("/")
    folder.mkdir(parents=True, exist_ok=True)
    for accept, form in _FORMS:
        (folder / f"index.{form}").write_bytes(_body(server.url + path, Accept=accept))
        (folder / f"index.{form}.gz").write_bytes(
            _body(server.url + path, Accept=accept, **{"Accept-Encoding": "gzip"})
        )


def copy(server, tree, root: Path):
    """Copy every page and, by links, every file with its metadata; return the files' paths by name."""
    places = {}
    for project in tree.projects:
        copy_page(server, f"/main/simple/{project}/", root)
        for row in requests.get(server.page(project), headers={"Accept": JSON}, timeout=60).json()["files"]:
            place = root / row["url"].lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(tree.files / row["filename"], place)
            os.link(tree.files / f"{row['filename']}.metadata", f"{place}.metadata")
            places[row["filename"]] = row["url"]
    return places
