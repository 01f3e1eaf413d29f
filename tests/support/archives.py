"""Archives written byte for byte, so that any field of them can be wrong."""

import base64
import dataclasses
import gzip
import hashlib
import io
import struct
import tarfile
import zlib

STORED, DEFLATED = 0, 8


@dataclasses.dataclass
class Entry:
    """A member of a ZIP file; `local` and `central` replace fields of one of its two headers."""

    name: str | bytes
    data: bytes = b""
    method: int = DEFLATED
    flags: int = 0
    mode: int = 0o100644
    local: dict = dataclasses.field(default_factory=dict)
    central: dict = dataclasses.field(default_factory=dict)
    packed: bytes | None = None
    descriptor: bytes = b""
    in_local: bool = True
    in_central: bool = True

    def fields(self, where):
        raw = self.name if isinstance(self.name, bytes) else self.name.encode()
        packed = self.body()
        made = {
            "name": raw,
            "flags": self.flags | (0 if raw.isascii() else 0x800),
            "method": self.method,
            "crc": zlib.crc32(self.data),
            "packed": len(packed),
            "size": len(self.data),
            "extra": b"",
            "comment": b"",
            "disk": 0,
            "offset": None,
        }
        return {**made, **(self.local if where == "local" else self.central)}

    def body(self):
        if self.packed is not None:
            return self.packed
        if self.method != DEFLATED:
            return self.data
        engine = zlib.compressobj(9, zlib.DEFLATED, -15)
        return engine.compress(self.data) + engine.flush()


def zip_bytes(entries, *, prefix=b"", between=b"", suffix=b"", end=None, end64=None, shift=0):
    """A ZIP file of entries; `end` and `end64` replace fields of the end records."""
    out = io.BytesIO()
    out.write(prefix)
    offsets = []
    for entry in entries:
        offsets.append(out.tell() + shift)
        if not entry.in_local:
            continue
        f = entry.fields("local")
        out.write(
            struct.pack(
                "<4s5H3L2H",
                b"PK\x03\x04", 20, f["flags"], f["method"], 0, 0x2821, f["crc"], f["packed"], f["size"],
                len(f["name"]), len(f["extra"]),
            )
        )  # fmt: skip
        out.write(f["name"] + f["extra"] + entry.body() + entry.descriptor)
    out.write(between)
    start = out.tell() + shift
    listed = 0
    for entry, offset in zip(entries, offsets, strict=True):
        if not entry.in_central:
            continue
        listed += 1
        f = entry.fields("central")
        out.write(
            struct.pack(
                "<4s6H3L5H2L",
                b"PK\x01\x02", 0x314, 20, f["flags"], f["method"], 0, 0x2821, f["crc"], f["packed"], f["size"],
                len(f["name"]), len(f["extra"]), len(f["comment"]), f["disk"], 0, entry.mode << 16,
                offset if f["offset"] is None else f["offset"],
            )
        )  # fmt: skip
        out.write(f["name"] + f["extra"] + f["comment"])
    size = out.tell() + shift - start
    e = {"disk": 0, "start_disk": 0, "here": listed, "count": listed, "size": size, "offset": start, "comment": b""}
    if end64 is not None:
        wide = {**e, "record": 44, "extra": b"", "total_disks": 1, **end64}
        at = out.tell() + shift
        out.write(
            struct.pack(
                "<4sQ2H2L4Q",
                b"PK\x06\x06", wide["record"], 45, 45, wide["disk"], wide["start_disk"], wide["here"], wide["count"],
                wide["size"], wide["offset"],
            )
        )  # fmt: skip
        out.write(wide["extra"])
        out.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, wide.get("at", at), wide["total_disks"]))
        e |= {"here": 0xFFFF, "count": 0xFFFF, "size": 0xFFFFFFFF, "offset": 0xFFFFFFFF}
    e |= end or {}
    out.write(
        struct.pack(
            "<4s4H2LH",
            b"PK\x05\x06", e["disk"], e["start_disk"], e["here"], e["count"], e["size"], e["offset"], len(e["comment"]),
        )
    )  # fmt: skip
    out.write(e["comment"] + suffix)
    return out.getvalue()


def recorded(members, folder, *, without=(), rows=None):
    """The members with a RECORD that is right, except for what a test changes."""
    lines = []
    for path, body in members.items():
        if path in without:
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        lines.append((rows or {}).get(path, f"{path},sha256={digest},{len(body)}"))
    lines += [row for path, row in (rows or {}).items() if path not in members]
    lines.append(f"{folder}/RECORD,,")
    return {**members, f"{folder}/RECORD": ("\n".join(lines) + "\n").encode()}


def tar_gz(members, *, stem="sample-1.0", tail=b""):
    """An sdist of (TarInfo or path, body) pairs; a path is taken below the top folder."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, body in members:
            info = member
            if not isinstance(member, tarfile.TarInfo):
                info = tarfile.TarInfo(f"{stem}/{member}")
                info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return gzip.compress(raw.getvalue() + tail, mtime=0)


def tar_member(name, kind=tarfile.REGTYPE, link="", **fields):
    """A tar header with fields of one's own."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    for key, value in fields.items():
        setattr(info, key, value)
    return info
