"""Small, valid wheels and sdists, made byte for byte."""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

STAMP = (2024, 1, 2, 3, 4, 6)


def metadata_of(name, version, *, requires=(), requires_python=None, extra="", version_of_metadata="2.1"):
    lines = [f"Metadata-Version: {version_of_metadata}", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    return ("\n".join(lines) + "\n" + extra).encode()


def wheel_bytes(name, version, *, files=None, metadata=None, tag="py3-none-any", padding=0, **details):
    """A wheel with a RECORD that is right."""
    stem = f"{name.replace('-', '_').lower()}-{version}"
    info = f"{stem}.dist-info"
    module = name.replace("-", "_").lower()
    members = {f"{module}/__init__.py": f"__version__ = {version!r}\n".encode()}
    members.update(files or {})
    if padding:
        members[f"{module}/padding.bin"] = hashlib.shake_256(stem.encode()).digest(padding)
    members[f"{info}/METADATA"] = metadata if metadata is not None else metadata_of(name, version, **details)
    members[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    rows = []
    for path, body in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(body)}")
    members[f"{info}/RECORD"] = ("\n".join([*rows, f"{info}/RECORD,,"]) + "\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, body in members.items():
            archive.writestr(zipfile.ZipInfo(path, STAMP), body, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def wheel_name(name, version, tag="py3-none-any"):
    return f"{name.replace('-', '_').lower()}-{version}-{tag}.whl"


def sdist_bytes(name, version, *, files=None, metadata=None, **details):
    """An sdist with a pyproject.toml that builds without any backend from outside."""
    stem = f"{name.replace('-', '_').lower()}-{version}"
    members = {
        "PKG-INFO": metadata if metadata is not None else metadata_of(name, version, **details),
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": b"",
        **(files or {}),
    }
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, body in members.items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size, member.mtime, member.mode = len(body), 1704164646, 0o644
            archive.addfile(member, io.BytesIO(body))
    return gzip.compress(raw.getvalue(), mtime=0)


BACKEND = b"""
import base64, hashlib, os, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    metadata = open("PKG-INFO", "rb").read()
    fields = dict(line.split(": ", 1) for line in metadata.decode().splitlines() if ": " in line)
    module = fields["Name"].replace("-", "_")
    stem = "%s-%s" % (module, fields["Version"])
    info = stem + ".dist-info"
    wheel = b"Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    members = {module + "/__init__.py": b"", info + "/METADATA": metadata, info + "/WHEEL": wheel}
    rows = []
    with zipfile.ZipFile(os.path.join(wheel_directory, stem + "-py3-none-any.whl"), "w") as archive:
        for path, body in members.items():
            archive.writestr(path, body)
            digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
            rows.append("%s,sha256=%s,%d" % (path, digest, len(body)))
        archive.writestr(info + "/RECORD", "\\n".join(rows + [info + "/RECORD,,", ""]))
    return stem + "-py3-none-any.whl"
"""
"""A build backend that needs nothing from outside, for sdists that are really installed."""


def sdist_name(name, version):
    return f"{name.replace('-', '_').lower()}-{version}.tar.gz"


def write(folder: Path, name: str, version: str, **details) -> Path:
    """Write a wheel into a folder and return where it lies."""
    path = folder / wheel_name(name, version, details.get("tag", "py3-none-any"))
    path.write_bytes(wheel_bytes(name, version, **details))
    return path
