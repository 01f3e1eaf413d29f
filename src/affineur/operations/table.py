"""Every operation in one table, from which commands and /api/v1 are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from affineur.model.principals import Right
from affineur.operations import (
    accounts,
    advisories,
    audit,
    claims,
    convert,
    explain,
    exposure,
    hashes,
    indexes,
    inspect,
    jobs,
    ledgers,
    lock,
    mirror,
    monitor,
    names,
    notify,
    policies,
    prune,
    recipients,
    record,
    reevaluate,
    rehearse,
    report,
    requirements,
    standing,
    waivers,
    watched_pages,
    withdraw,
)
from affineur.operations.operation import Kind, Operation
from affineur.operations.rows import as_csv
from affineur.standards.audits.forms import FORMS
from affineur.standards.audits.table import table

CHANGE, DESTROY = Kind.CHANGE, Kind.DESTROY


def _source(request: withdraw.Release | withdraw.Project) -> str:
    return request.source


class _OfIndex(Protocol):
    """A request about an index; "" is the default one, or none."""

    @property
    def index(self) -> str: ...


def _source_or_all(request: withdraw.Quarantine | withdraw.Activate) -> str:
    return request.source or "*"


def _index(request: _OfIndex) -> str:
    return request.index


def _index_if_any(request: _OfIndex) -> str | None:
    return request.index or None


def _anywhere(_request: object) -> None:
    return None


def _refusing(decisions: Sequence[explain.Explained]) -> bool:
    return any(one.sentence for one in decisions)


def _status(marked: withdraw.Marked) -> str:
    return f"{marked.project} is {marked.status}"


def _each(word: str) -> Callable[[Sequence[withdraw.Withdrawn]], str]:
    return lambda files: "\n".join(f"{word} {file.filename}" for file in files)


TABLE: tuple[Operation, ...] = (
    Operation("user add", accounts.UserAdd, accounts.add_user, CHANGE, say=lambda user: f"added {user.name}"),
    Operation("user list", accounts.UserList, accounts.list_users),
    Operation(
        "user mail", accounts.UserMail, accounts.set_mail, CHANGE,
        say=lambda user: f"{user.name}: {user.mail or 'no address'}",
    ),
    Operation(
        "token create", accounts.TokenCreate, accounts.create_token, CHANGE,
        say=accounts.say_token, brief=lambda made: made.secret,
    ),
    Operation("token list", accounts.TokenList, accounts.list_tokens),
    Operation("token revoke", accounts.TokenRevoke, accounts.revoke_token, CHANGE, say=lambda t: f"revoked {t.id}"),
    Operation("index list", indexes.IndexList, indexes.list_indexes),
    Operation("index show", indexes.IndexShow, indexes.show_index, place=lambda request: request.name),
    Operation("index claim", indexes.Claim, indexes.claim, CHANGE, say=lambda c: f"{c.project} may be claimed"),
    Operation("withdraw yank", withdraw.Yank, withdraw.yank, CHANGE, place=_source, say=_each("yanked")),
    Operation("withdraw unyank", withdraw.Unyank, withdraw.unyank, CHANGE, place=_source, say=_each("unyanked")),
    Operation("withdraw delete", withdraw.Delete, withdraw.delete, DESTROY, place=_source, say=_each("deleted")),
    Operation(
        "withdraw undelete", withdraw.Undelete, withdraw.undelete, CHANGE, place=_source, say=_each("brought back")
    ),
    Operation("withdraw deprecate", withdraw.Deprecate, withdraw.deprecate, CHANGE, place=_source, say=_status),
    Operation("withdraw archive", withdraw.Archive, withdraw.archive, CHANGE, place=_source, say=_status),
    Operation(
        "withdraw quarantine", withdraw.Quarantine, withdraw.quarantine, CHANGE, place=_source_or_all,
        say=withdraw.say_quarantined,
    ),
    Operation("withdraw activate", withdraw.Activate, withdraw.activate, CHANGE, place=_source_or_all, say=_status),
    Operation("why", explain.Why, explain.why, right=Right.READ, place=_index, say=explain.say, found=_refusing),
    Operation(
        "audit", audit.Audit, audit.audit, right=Right.READ, place=_index,
        say=table, forms=FORMS, writes=audit.written, found=lambda report: report.found, unsure=lambda report: report.unsure,
    ),
    Operation(
        "lock", lock.Lock, lock.lock, CHANGE, right=Right.READ, place=_index,
        say=lock.say, writes=lambda made: (made.document,),
    ),
    Operation(
        "waiver ask", waivers.Ask, waivers.ask, CHANGE, right=Right.READ, place=_index,
        say=waivers.say_asked, brief=lambda row: row.id,
    ),
    Operation("waiver grant", waivers.Grant, waivers.grant, CHANGE, say=lambda row: f"granted {row.id}"),
    Operation("waiver deny", waivers.Deny, waivers.deny, CHANGE, say=lambda row: f"denied {row.id}"),
    Operation("waiver revoke", waivers.Revoke, waivers.revoke, CHANGE, say=lambda row: f"revoked {row.id}"),
    Operation("policy show", policies.PolicyShow, policies.show, say=policies.say_shown),
    Operation(
        "policy check", policies.PolicyCheck, policies.check,
        say=policies.say_checked, found=lambda checked: bool(checked.problems),
    ),
    Operation(
        "policy rehearse", rehearse.Rehearse, rehearse.rehearse,
        say=rehearse.say, found=lambda made: bool(made.files or made.pages or made.unjudged),
    ),
    Operation("waiver list", waivers.WaiverList, waivers.list_waivers, right=Right.READ, place=_anywhere),
    Operation("ledger verify", ledgers.LedgerVerify, ledgers.verify, say=ledgers.say_proof, found=lambda p: p.broken is not None),
    Operation("ledger log", ledgers.LedgerLog, ledgers.log),
    Operation(
        "advisories import", advisories.AdvisoriesImport, advisories.import_advisories, CHANGE,
        say=advisories.say_imported, found=lambda made: made.unreadable > 0,
    ),
    Operation(
        "advisories update", advisories.AdvisoriesUpdate, advisories.update, CHANGE,
        say=advisories.say_imported, found=lambda made: made.unreadable > 0,
    ),
    Operation(
        "advisories status", advisories.AdvisoriesStatus, advisories.status,
        say=advisories.say_state, found=lambda state: bool(state.alarm),
    ),
    Operation(
        "convert", convert.Convert, convert.convert, right=Right.READ, place=_index_if_any, say=convert.say,
        writes=lambda made: (made.document,), alone=convert.alone, found=lambda made: bool(made.lost),
    ),
    Operation(
        "hashes add", hashes.HashesAdd, hashes.add, right=Right.READ, place=_index, say=hashes.say,
        writes=lambda made: made.documents, found=hashes.unsettled,
    ),
    Operation(
        "hashes verify", hashes.HashesVerify, hashes.verify, right=Right.READ, place=_index,
        say=hashes.say_verified, found=hashes.wrong,
    ),
    Operation(
        "hashes prune", hashes.HashesPrune, hashes.prune, right=Right.READ, place=_index, say=hashes.say,
        writes=lambda made: made.documents, found=hashes.unsettled,
    ),
    Operation("names update", names.NamesUpdate, names.update, CHANGE, say=names.say),
    Operation(
        "mirror add", mirror.MirrorAdd, mirror.add, CHANGE,
        say=mirror.say, found=lambda filled: bool(filled.failed),
    ),
    Operation(
        "mirror sync", mirror.MirrorSync, mirror.sync, CHANGE,
        say=mirror.say, found=lambda filled: bool(filled.failed),
    ),
    Operation("mirror list", mirror.MirrorList, mirror.listed),
    Operation(
        "mirror remove", mirror.MirrorRemove, mirror.remove, CHANGE,
        say=lambda rows: "\n".join(f"{row.requirement} is off the list" for row in rows),
    ),
    Operation("report cache", report.ReportCache, report.cache_rows),
    Operation("report downloads", report.ReportDownloads, report.downloads_rows),
    Operation(
        "exposure", exposure.Exposure, exposure.exposure,
        say=exposure.say, forms={"csv": lambda told: as_csv(told.downloads)},
    ),
    Operation(
        "prune", prune.Prune, prune.prune, DESTROY,
        say=prune.say, found=prune.found, looks_only=lambda request: request.check,
    ),
    Operation(
        "monitor add", monitor.MonitorAdd, monitor.add, CHANGE, right=Right.READ, place=lambda request: request.index,
        say=monitor.say_added,
    ),
    Operation("monitor list", monitor.MonitorList, monitor.list_locks, right=Right.READ, place=_anywhere),
    Operation(
        "monitor show", monitor.MonitorShow, monitor.show, right=Right.READ, place=_anywhere, say=monitor.say_shown
    ),
    Operation(
        "monitor remove", monitor.MonitorRemove, monitor.remove, CHANGE, right=Right.READ, place=_anywhere,
        say=lambda lock: f"{lock.name} is not watched any more",
    ),
    Operation(
        "monitor mute", monitor.MonitorMute, monitor.mute, CHANGE, right=Right.READ, place=_anywhere, say=monitor.say_shown
    ),
    Operation(
        "monitor acknowledge", monitor.MonitorAcknowledge, monitor.acknowledge, CHANGE, right=Right.READ, place=_anywhere
    ),
    Operation("monitor alerts", monitor.MonitorAlerts, monitor.list_alerts, right=Right.READ, place=_anywhere),
    Operation("monitor prefer", recipients.MonitorPrefer, recipients.prefer, CHANGE, right=Right.READ, place=_anywhere),
    Operation("monitor feeds", recipients.MonitorFeeds, recipients.feeds, CHANGE, right=Right.READ, place=_anywhere),
    Operation("monitor report", standing.MonitorReport, standing.report, right=Right.READ, place=_anywhere),
    Operation(
        "monitor secret", recipients.MonitorSecret, recipients.new_secret, CHANGE, right=Right.READ, place=_anywhere,
        brief=lambda made: made.secret,
    ),
    Operation("notify list", notify.NotifyList, notify.list_deliveries),
    Operation("notify retry", notify.NotifyRetry, notify.retry, CHANGE),
    Operation("notify test", notify.NotifyTest, notify.test, CHANGE),
    Operation("job list", jobs.JobList, jobs.list_jobs),
    Operation("job retry", jobs.JobRetry, jobs.retry, CHANGE, say=lambda job: f"{job.kind} is tried again"),
)  # fmt: skip
"""In the order in which the reference lists them."""

BACKGROUND: tuple[Operation, ...] = (
    Operation("job tidy", jobs.JobTidy, jobs.tidy, CHANGE),
    Operation("advisories renew", advisories.AdvisoriesRenew, advisories.renew, CHANGE),
    Operation("record tidy", record.RecordTidy, record.tidy, CHANGE),
    Operation("cache trim", prune.CacheTrim, prune.trim, CHANGE),
    Operation("claim compare", claims.ClaimCompare, claims.compare, CHANGE),
    Operation("reevaluate", reevaluate.Reevaluate, reevaluate.reevaluate, CHANGE),
    Operation("monitor refresh", watched_pages.MonitorRefresh, watched_pages.refresh, CHANGE),
    Operation("notify tidy", notify.NotifyTidy, notify.tidy, CHANGE),
    Operation("requirements read", requirements.RequirementsRead, requirements.read_requirements, CHANGE),
    Operation("inspect", inspect.Inspect, inspect.inspect, CHANGE),
)
"""What only jobs run: no command and no address leads to it."""

BY_PATH = {operation.path: operation for operation in TABLE}
