"""The tables of the catalog."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)

METADATA = MetaData()
_Serial = BigInteger().with_variant(Integer, "sqlite")

ledger = Table(
    "ledger",
    METADATA,
    Column("serial", _Serial, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("place", String, nullable=False),
    Column("project", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)
projects = Table(
    "projects",
    METADATA,
    Column("place", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("serial", BigInteger, nullable=False),
)
listings = Table(
    "listings",
    METADATA,
    Column("source", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("etag", String, nullable=False),
    Column("last_modified", String, nullable=False),
    Column("checked_at", Float, nullable=False),
)
hosted_files = Table(
    "hosted_files",
    METADATA,
    Column("source", String, primary_key=True),
    Column("filename", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("uploader", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("metadata_sha256", String(64)),
    Column("signature_sha256", String(64)),
    Column("provenance_sha256", String(64)),
    Column("yanked", Boolean, nullable=False, default=False),
    Column("yanked_reason", Text, nullable=False, default=""),
    Column("deleted_at", Float),
)
Index("hosted_files_by_project", hosted_files.c.source, hosted_files.c.project)
Index("hosted_files_by_content", hosted_files.c.source, hosted_files.c.sha256)
hosted_projects = Table(
    "hosted_projects",
    METADATA,
    Column("source", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("claimed_at", Float, nullable=False),
    Column("claimed_by", String, nullable=False),
)
claims = Table(
    "claims",
    METADATA,
    Column("project", String, primary_key=True),
    Column("granted_by", String, nullable=False),
    Column("at", Float, nullable=False),
)
blobs = Table(
    "blobs",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("md5", String(32), nullable=False),
    Column("blake2_256", String(64), nullable=False),
    Column("stored_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    Column("origin", String, nullable=False),
    Column("evicted_at", Float),
)
mirrored = Table(
    "mirrored",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("source", String, primary_key=True),
    Column("filename", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("pinned", Boolean, nullable=False),
)
Index("mirrored_by_project", mirrored.c.project)
mirror_list = Table(
    "mirror_list",
    METADATA,
    Column("source", String, primary_key=True),
    Column("requirement", String, primary_key=True),
    Column("releases", String, nullable=False),
    Column("dependencies", Boolean, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("added_by", String, nullable=False),
)
traffic = Table(
    "traffic",
    METADATA,
    Column("source", String, primary_key=True),
    Column("hits", BigInteger, nullable=False),
    Column("misses", BigInteger, nullable=False),
    Column("bytes_saved", BigInteger, nullable=False),
    Column("bytes_fetched", BigInteger, nullable=False),
)
attached = Table(
    "attached",
    METADATA,
    Column("source", String, primary_key=True),
    Column("file_sha256", String(64), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("sha256", String(64), nullable=False),
)
Index("attached_by_content", attached.c.sha256)
metadata = Table(
    "metadata",
    METADATA,
    Column("file_sha256", String(64), primary_key=True),
    Column("metadata_sha256", String(64), nullable=False),
    Column("origin", String, nullable=False),
    Column("requirements_read", Boolean, nullable=False, server_default=false()),
)
Index("metadata_by_state", metadata.c.requirements_read)
Index("metadata_by_content", metadata.c.metadata_sha256)
requirements = Table(
    "requirements",
    METADATA,
    Column("project", String, primary_key=True),
    Column("metadata_sha256", String(64), primary_key=True),
    Column("requirement", String, primary_key=True),
)
users = Table(
    "users",
    METADATA,
    Column("name", String, primary_key=True),
    Column("created_at", Float, nullable=False),
    Column("mail", String),
)
tokens = Table(
    "tokens",
    METADATA,
    Column("id", String, primary_key=True),
    Column("user", String, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("indexes", Text, nullable=False),
    Column("rights", Text, nullable=False),
    Column("projects", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
)
requesters = Table(
    "requesters",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("principal", String, nullable=False),
    Column("token", String, nullable=False),
    Column("address", String, nullable=False),
    Column("used_at", BigInteger, nullable=False),
)
clients = Table(
    "clients",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("version", String, nullable=False),
    Column("python", String, nullable=False),
    Column("platform", String, nullable=False),
    Column("ci", Boolean, nullable=False),
    Column("used_at", BigInteger, nullable=False),
)
requested_files = Table(
    "requested_files",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("index_name", String, nullable=False),
    Column("project", String, nullable=False),
    Column("version", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("used_at", BigInteger, nullable=False),
)
Index("requested_files_by_project", requested_files.c.project, requested_files.c.version)
downloads = Table(
    "downloads",
    METADATA,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("file_id", BigInteger, nullable=False),
    Column("requester_id", BigInteger, nullable=False),
    Column("client_id", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("times", Integer, nullable=False),
)
Index(
    "downloads_by_file", downloads.c.file_id, downloads.c.requester_id, downloads.c.client_id, downloads.c.at,
    downloads.c.status, downloads.c.times,
)  # fmt: skip
Index("downloads_by_time", downloads.c.at)
page_requests = Table(
    "page_requests",
    METADATA,
    Column("index_name", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("requester_id", BigInteger, primary_key=True, autoincrement=False),
    Column("client_id", BigInteger, primary_key=True, autoincrement=False),
    Column("times", BigInteger, nullable=False),
)
Index("page_requests_by_time", page_requests.c.hour)
daily_downloads = Table(
    "daily_downloads",
    METADATA,
    Column("project", String, primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("index_name", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("client", String, primary_key=True),
    Column("python", String, primary_key=True),
    Column("platform", String, primary_key=True),
    Column("ci", Boolean, primary_key=True),
    Column("times", BigInteger, nullable=False),
)
Index("daily_downloads_by_day", daily_downloads.c.day)
record_gaps = Table(
    "record_gaps",
    METADATA,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
)
record_marks = Table(
    "record_marks",
    METADATA,
    Column("name", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
)
advisories = Table(
    "advisories",
    METADATA,
    Column("id", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("modified", Float, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("details", Text, nullable=False),
)
Index("advisories_by_project", advisories.c.project)
advisory_feeds = Table(
    "advisory_feeds",
    METADATA,
    Column("name", String, primary_key=True),
    Column("imported_at", Float, nullable=False),
    Column("checked_at", Float, nullable=False),
    Column("newest", Float),
    Column("records", Integer, nullable=False),
    Column("unreadable", Integer, nullable=False),
    Column("etag", String, nullable=False),
)
told_advisories = Table(
    "told_advisories",
    METADATA,
    Column("source", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("checked_at", Float, nullable=False),
    Column("holes", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
Index("told_advisories_by_project", told_advisories.c.project)
jobs = Table(
    "jobs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("unique_key", String, unique=True),
    Column("priority", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("owner", String(32), nullable=False),
    Column("ended_at", Float),
    Column("problem", Text, nullable=False),
)
Index("jobs_by_state", jobs.c.state, jobs.c.due_at)
timetable = Table(
    "timetable",
    METADATA,
    Column("name", String, primary_key=True),
    Column("due_at", Float, nullable=False),
)
waivers = Table(
    "waivers",
    METADATA,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("versions", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("index_name", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("ends_at", Float),
    Column("state", String, nullable=False),
    Column("decided_by", String, nullable=False),
    Column("note", Text, nullable=False),
)
quarantines = Table(
    "quarantines",
    METADATA,
    Column("project", String, primary_key=True),
    Column("versions", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("set_by", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", Text, nullable=False),
)
decisions = Table(
    "decisions",
    METADATA,
    Column("id", String, primary_key=True),
    Column("index_name", String, nullable=False),
    Column("project", String, nullable=False),
    Column("filename", String, nullable=False),
)
screenings = Table(
    "screenings",
    METADATA,
    Column("index_name", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("revision", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("outcome", LargeBinary, nullable=False),
    Column("closed", Boolean, nullable=False, server_default=false()),
    Column("changes_at", Float),
)
Index("screenings_by_change", screenings.c.changes_at)
evidence = Table(
    "evidence",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("revision", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
Index("evidence_by_project", evidence.c.project, evidence.c.kind)
locks = Table(
    "locks",
    METADATA,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("index_name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("tell", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("use_of", String),
    Column("use_days", Float),
    Column("muted_until", Float),
)
lock_pins = Table(
    "lock_pins",
    METADATA,
    Column("lock", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("version", String, primary_key=True),
)
Index("lock_pins_by_project", lock_pins.c.project, lock_pins.c.version)
locked_files = Table(
    "locked_files",
    METADATA,
    Column("lock", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("sha256s", LargeBinary, nullable=False),
)
Index("locked_files_by_project", locked_files.c.project, locked_files.c.version)
deliveries = Table(
    "deliveries",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("owner", String, nullable=False),
    Column("target", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease", String(32), nullable=False),
    Column("problem", Text, nullable=False),
    Column("ended_at", Float),
)
Index("deliveries_by_state", deliveries.c.state, deliveries.c.due_at)
server_secrets = Table(
    "server_secrets",
    METADATA,
    Column("name", String, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
)
webhook_secrets = Table(
    "webhook_secrets",
    METADATA,
    Column("owner", String, primary_key=True),
    Column("target", String, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
)
alerts = Table(
    "alerts",
    METADATA,
    Column("id", String(20), primary_key=True),
    Column("lock", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("index_name", String, nullable=False),
    Column("project", String, nullable=False),
    Column("version", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("opened_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("closed_at", Float),
    Column("ended_by", String, nullable=False),
)
Index("alerts_by_project", alerts.c.project, alerts.c.state)
Index("alerts_by_lock", alerts.c.lock, alerts.c.changed_at)
Index("alerts_by_owner", alerts.c.owner, alerts.c.changed_at)
notices = Table(
    "notices",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("alert", String(20), nullable=False),
    Column("owner", String, nullable=False),
    Column("target", String, nullable=False),
    Column("news", String, nullable=False),
    Column("due_at", Float, nullable=False),
)
Index("notices_by_recipient", notices.c.owner, notices.c.target)
Index("notices_by_time", notices.c.due_at)
Index("notices_by_alert", notices.c.alert)
lookout = Table(
    "lookout",
    METADATA,
    Column("name", String, primary_key=True),
    Column("serial", BigInteger, nullable=False),
    Column("lease", String(32), nullable=False),
    Column("leased_until", Float, nullable=False),
)
preferences = Table(
    "preferences",
    METADATA,
    Column("owner", String, primary_key=True),
    Column("tell", Text, nullable=False),
    Column("timezone", String, nullable=False),
    Column("quiet", String, nullable=False),
    Column("digest", Float, nullable=False),
)
