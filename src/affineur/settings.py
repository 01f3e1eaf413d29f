"""The table of settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

KIB, MIB, GIB = 2**10, 2**20, 2**30
_CENTURY = 36_500
"""Days; dates cannot be counted with many more."""
_LONGEST = _CENTURY * 86_400
"""Seconds."""
_LARGEST = 2**63 - 1
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table: name, type, default and what it is for."""

    name: str
    kind: type
    default: Any
    help: str
    least: float = 0
    most: float = 0
    """Of numbers; 0: what sizes in bytes and times in seconds are held to."""


SETTINGS: tuple[Setting, ...] = (
    Setting("data", str, "affineur-data", "The data folder: database, files, everything that must be kept."),
    Setting("database", str, "", "Address of a PostgreSQL database; empty: SQLite in the data folder."),
    Setting("blobs", str, "", "Where files are kept: an address s3://bucket/prefix; empty: the data folder."),
    Setting("host", str, "127.0.0.1", "The address the server listens on."),
    Setting("port", int, 8000, "The port the server listens on.", 1, 65535),
    Setting("workers", int, 1, "How many server processes share the port.", 1, 1024),
    Setting("run_jobs", bool, True, "Do work in the background in the server; off where `affineur worker` does it."),
    Setting("jobs_at_once", int, 2, "How many jobs one process works on at a time.", 1, 1000),
    Setting("tls_cert", str, "", "A certificate chain (PEM) to serve HTTPS with."),
    Setting("tls_key", str, "", "The private key (PEM) of tls_cert."),
    Setting("public_url", str, "", "The origin that addresses are made absolute with; empty: links are relative."),
    Setting("default_index", str, "main", "The index that answers at the root of the host."),
    Setting("offline", bool, False, "Serve only what is held here; ask no upstream."),
    Setting("fresh_for", float, 600.0, "Seconds after which an upstream page is asked for again."),
    Setting("patience", float, 0.5, "Seconds to wait for a refresh before the page held here is served stale."),
    Setting("unknown_for", float, 60.0, "Seconds for which a name unknown upstream is not asked for again."),
    Setting("connect_timeout", float, 10.0, "Seconds to wait for a connection to an upstream."),
    Setting(
        "answer_timeout",
        float,
        12.0,
        "Seconds to wait for the first byte of an upstream's answer; pip itself waits 15.",
    ),
    Setting("stall_timeout", float, 30.0, "Seconds without a byte after which an upstream is given up."),
    Setting("connections_per_host", int, 32, "Connections kept to one upstream host."),
    Setting(
        "unhashed_files",
        str,
        "refuse",
        "Files for which an upstream states no hash: refuse, or find-out (trust the first sight).",
    ),
    Setting(
        "explain",
        str,
        "phrase",
        "How a refusal is told: phrase (in the answer's reason phrase), or redirect (by an address that says rule and "
        "date, for proxies that rewrite phrases).",
    ),
    Setting("max_page", int, 64 * MIB, "The largest upstream page in bytes."),
    Setting("max_upload", int, 1 * GIB, "The largest file of an upload in bytes."),
    Setting("max_fields", int, 16 * MIB, "The largest sum of the other fields of an upload in bytes."),
    Setting("allow_linux", bool, False, "Accept uploads of wheels tagged linux_* (not manylinux or musllinux)."),
    Setting("direct_references", bool, False, "Accept uploads whose dependencies are given as NAME @ ADDRESS."),
    Setting(
        "scan_time",
        float,
        20.0,
        "Seconds of the processor that reading the code of one file for the rule startup_code may take.",
    ),
    Setting(
        "inspection_time", float, 120.0, "Seconds of processor time that the examination of one uploaded file may take."
    ),
    Setting("lock_time", float, 120.0, "Seconds that resolving the requirements of one lock may take."),
    Setting("locks_at_once", int, 2, "Locks that one process resolves at the same time.", 1, 1000),
    Setting("login_failures", int, 10, "Failed logins a minute from one address before it is told to wait."),
    Setting(
        "min_free", int, 200 * MIB, "Bytes that must stay free on the disk; below, uploads and fetches are refused."
    ),
    Setting("page_memory", int, 48 * MIB, "Bytes of rendered pages and small files kept in memory by each process."),
    Setting(
        "cache_limit",
        int,
        0,
        "Bytes of mirrored files above which the least used are dropped, looked after every ten minutes; 0: no limit.",
    ),
    Setting("delete_grace", float, 7 * 86400.0, "Seconds for which a deleted file can be brought back."),
    Setting(
        "advisories_feed", str, "", "Where `advisories update` takes OSV records from: an address, a file or a folder."
    ),
    Setting(
        "advisories_max_age", float, 7 * 86400.0, "Seconds after which advisories that were not updated raise an alarm."
    ),
    Setting("waiver_own", bool, False, "Whether who asked for a waiver may grant it too."),
    Setting("smtp_host", str, "", "The mail server that messages are handed to; empty: no mail is sent."),
    Setting("smtp_port", int, 0, "Its port; 0: 25, 587 or 465, by smtp_security.", 0, 65535),
    Setting(
        "smtp_security",
        str,
        "starttls",
        "How it is spoken to: starttls, tls (from the first byte), or plain (no encryption).",
    ),
    Setting("smtp_user", str, "", "The user to log in as; empty: no login."),
    Setting("smtp_password", str, "", "The password of smtp_user."),
    Setting("smtp_ca", str, "", "Certificates (PEM) to verify the mail server's with; empty: those of the system."),
    Setting("smtp_from", str, "", "The address that mail comes from."),
    Setting(
        "webhook_networks",
        str,
        "",
        "Private networks that webhooks may lead to, such as 10.0.0.0/8, separated by commas; public addresses always "
        "may be.",
    ),
    Setting(
        "tell_allowed",
        str,
        "",
        "Where users may have news sent besides their own mail address and the domain of smtp_from, as patterns "
        "separated by commas, such as webhook:https://hooks.example.org/*; anything else takes an administrator.",
    ),
    Setting(
        "record_downloads",
        bool,
        True,
        "Keep a record of downloads (time, file, index, who, client) and of page requests by the hour.",
    ),
    Setting(
        "record_address",
        str,
        "none",
        "What the record keeps of a client's address: none, network (its first 24 bits, 48 of an IPv6 one) or full.",
    ),
    Setting(
        "downloads_keep",
        float,
        400.0,
        "Days after which records of downloads and page requests are deleted; 0: never. Daily counts stay.",
        0,
        _CENTURY,
    ),
    Setting(
        "downloads_anonymise_after",
        float,
        0.0,
        "Days after which user, token and address are blanked in the record; 0: never.",
        0,
        _CENTURY,
    ),
)
"""Every setting there is. The environment variable of one is AFFINEUR_ and its name in capitals."""

BY_NAME = {setting.name: setting for setting in SETTINGS}


def converted(setting: Setting, raw: Any) -> Any:
    """Return a value of a setting as the program uses it.

    Raises:
        ValueError: it is none; what is wanted is said.
    """
    if setting.kind is bool and isinstance(raw, str):
        if raw.lower() not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
            raise ValueError("true or false is wanted")
        return raw.lower() in {"1", "true", "yes", "on"}
    if setting.kind is bool and not isinstance(raw, bool):
        raise ValueError("true or false is wanted")
    if setting.kind in (int, float) and (isinstance(raw, bool) or not isinstance(raw, int | float | str)):
        raise ValueError("a number is wanted")
    if setting.kind is str and not isinstance(raw, str):
        raise ValueError("a text is wanted")
    if setting.kind is int and isinstance(raw, float) and not raw.is_integer():
        raise ValueError("a whole number is wanted")
    value = setting.kind(raw)
    if setting.kind is float and not math.isfinite(value):
        raise ValueError("a number is wanted")
    if setting.kind in (int, float):
        most = setting.most or (_LONGEST if setting.kind is float else _LARGEST)
        if not setting.least <= value <= most:
            raise ValueError(f"a number from {setting.least:g} to {most} is wanted")
    return value
