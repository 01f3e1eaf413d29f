"""Every rule in one table, and the policies that need no configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from affineur.policy.rule import Rule
from affineur.policy.rules.advice import Advice, AdviceSettings
from affineur.policy.rules.cooldown import Cooldown, CooldownSettings
from affineur.policy.rules.file_kinds import FileKinds, FileKindsSettings
from affineur.policy.rules.known_malware import KnownMalware, KnownMalwareSettings
from affineur.policy.rules.licences import Licences, LicencesSettings
from affineur.policy.rules.lists import Lists, ListsSettings
from affineur.policy.rules.lookalikes import Lookalikes, LookalikesSettings
from affineur.policy.rules.ownership import Ownership
from affineur.policy.rules.quarantine import Quarantine
from affineur.policy.rules.startup_code import StartupCode, StartupCodeSettings
from affineur.policy.rules.stated_hash import StatedHash
from affineur.policy.rules.status import Status, StatusSettings
from affineur.policy.rules.stdlib_names import StdlibNames, StdlibNamesSettings
from affineur.policy.rules.vanished import Vanished, VanishedSettings
from affineur.policy.rules.vulnerabilities import Vulnerabilities, VulnerabilitiesSettings


@dataclass(frozen=True)
class RuleKind:
    """A row of the table: the name in the configuration, the class of its settings, and how it is made."""

    name: str
    settings: type[Any]
    make: Callable[[Any], Rule]


RULES: tuple[RuleKind, ...] = (
    RuleKind("lists", ListsSettings, Lists),
    RuleKind("known_malware", KnownMalwareSettings, KnownMalware),
    RuleKind("stdlib_names", StdlibNamesSettings, StdlibNames),
    RuleKind("lookalikes", LookalikesSettings, Lookalikes),
    RuleKind("status", StatusSettings, Status),
    RuleKind("vanished", VanishedSettings, Vanished),
    RuleKind("startup_code", StartupCodeSettings, StartupCode),
    RuleKind("vulnerabilities", VulnerabilitiesSettings, Vulnerabilities),
    RuleKind("licences", LicencesSettings, Licences),
    RuleKind("file_kinds", FileKindsSettings, FileKinds),
    RuleKind("cooldown", CooldownSettings, Cooldown),
    RuleKind("advice", AdviceSettings, Advice),
)
"""In the order in which verdicts are shown; of equally strict ones the first decides."""

BY_NAME = {kind.name: kind for kind in RULES}


def always(*, find_out: bool) -> tuple[Rule, ...]:
    """Return the rules that no policy can switch off; `find_out` is the setting `unhashed_files`."""
    return (Quarantine(), Ownership(), StatedHash(find_out=find_out))


BUILT_IN: dict[str, dict[str, Any]] = {
    "open": {"status": True, "known_malware": True},
    "standard": {
        "extends": "open",
        "vanished": True,
        "stdlib_names": "deny",
        "lookalikes": "deny",
        "cooldown": {"days": 3, "security_fixes": {"hours": 12}},
        "vulnerabilities": {"critical": "hold", "high": "warn"},
        "startup_code": True,
        "advice": True,
    },
}
"""As they would stand in a configuration file. A table of the same name there extends them."""
