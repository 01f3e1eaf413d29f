"""Licences: what core metadata states, as one expression of SPDX identifiers, and whether a list admits it.

Expressions are those of PEP 639, checked by `packaging.licenses`. Older releases state a classifier
or a free text; both are read where they are clear. A classifier that does not say which of several
licences is meant ("BSD License") becomes a reference of its own, `LicenseRef-BSD`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from affineur.errors import InvalidDocument
from affineur.model.licences import Stated
from affineur.standards import core_metadata

REVISION = "1"
"""Raised when more is read out of core metadata: what was kept by another revision is read again."""
_LONGEST = 2000
_PREFIX = "License :: "
_CLASSIFIERS = {
    "Academic Free License (AFL)": "LicenseRef-AFL",
    "Apache Software License": "Apache-2.0",
    "Artistic License": "LicenseRef-Artistic",
    "Blue Oak Model License (BlueOak-1.0.0)": "BlueOak-1.0.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "BSD License": "LicenseRef-BSD",
    "CEA CNRS Inria Logiciel Libre License, version 2.1 (CeCILL-2.1)": "CECILL-2.1",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Common Development and Distribution License 1.0 (CDDL-1.0)": "CDDL-1.0",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.1 (EUPL 1.1)": "EUPL-1.1",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License (GPL)": "LicenseRef-GPL",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LicenseRef-LGPL",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "IBM Public License": "IPL-1.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 1.0 (MPL)": "MPL-1.0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Mulan Permissive Software License v2 (MulanPSL-2.0)": "MulanPSL-2.0",
    "Other/Proprietary License": "LicenseRef-Proprietary",
    "Public Domain": "LicenseRef-Public-Domain",
    "Python Software Foundation License": "PSF-2.0",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "University of Illinois/NCSA Open Source License": "NCSA",
    "W3C License": "W3C",
    "zlib/libpng License": "Zlib",
    "Zope Public License": "LicenseRef-ZPL",
}
"""The last part of a licence classifier, and what it means in SPDX; those without a clear version are references."""

_NAMES = {
    "apache": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0", "apache software license": "Apache-2.0", "apache software license 2.0": "Apache-2.0",
    "apache license": "Apache-2.0", "asl 2.0": "Apache-2.0", "bsd": "LicenseRef-BSD", "bsd license": "LicenseRef-BSD",
    "bsd 3 clause": "BSD-3-Clause", "bsd 3 clause license": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "new bsd license": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause", "modified bsd license": "BSD-3-Clause", "3 clause bsd": "BSD-3-Clause", "3 clause bsd license": "BSD-3-Clause",
    "bsd 2 clause": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause", "simplified bsd license": "BSD-2-Clause", "2 clause bsd": "BSD-2-Clause",
    "mit": "MIT", "mit license": "MIT", "the mit license": "MIT", "the mit license (mit)": "MIT", "expat": "MIT", "expat license": "MIT",
    "isc": "ISC", "isc license": "ISC", "mpl 2.0": "MPL-2.0", "mpl2": "MPL-2.0", "mozilla public license 2.0": "MPL-2.0",
    "psf": "PSF-2.0", "psf license": "PSF-2.0", "psfl": "PSF-2.0", "python software foundation license": "PSF-2.0",
    "gpl": "LicenseRef-GPL", "gpl 2": "GPL-2.0-only", "gplv2": "GPL-2.0-only", "gpl 3": "GPL-3.0-only", "gplv3": "GPL-3.0-only",
    "gpl v3": "GPL-3.0-only", "gplv3+": "GPL-3.0-or-later", "gplv2+": "GPL-2.0-or-later", "gnu gplv3": "GPL-3.0-only",
    "lgpl": "LicenseRef-LGPL", "lgplv3": "LGPL-3.0-only", "lgplv3+": "LGPL-3.0-or-later", "lgplv2.1": "LGPL-2.1-only", "agplv3": "AGPL-3.0-only",
    "public domain": "LicenseRef-Public-Domain", "unlicense": "Unlicense", "the unlicense": "Unlicense", "zlib": "Zlib",
    "zpl 2.1": "ZPL-2.1", "proprietary": "LicenseRef-Proprietary", "wtfpl": "WTFPL",
}  # fmt: skip
"""What people write into the free field, in lower case with single spaces."""


def stated_in(metadata: bytes) -> Stated:
    """Return what core metadata states about the licence; nothing where it cannot be read."""
    try:
        info = core_metadata.info(metadata)
    except InvalidDocument:
        return Stated()
    classifiers = info.get("classifiers")
    return Stated(
        str(info.get("license_expression") or "")[:_LONGEST],
        str(info.get("license") or "")[:_LONGEST],
        tuple(c[:200] for c in classifiers if c.startswith(_PREFIX)) if isinstance(classifiers, list) else (),
    )


@lru_cache(maxsize=4096)
def canonical(text: str) -> str | None:
    """Return an SPDX expression in canonical form, or None where it is none."""
    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, RecursionError):
        return None


def expression_of(stated: Stated) -> str:
    """Return what is stated as one SPDX expression; "" where nothing clear is stated.

    The expression counts first, then the classifiers, of which all hold, then the free text.
    """
    if stated.expression and (found := canonical(stated.expression)):
        return found
    named = [_CLASSIFIERS.get(item.rpartition(" :: ")[2]) for item in stated.classifiers]
    known = list(dict.fromkeys(name for name in named if name))
    from_text = _from_text(stated.text)
    if from_text and (" OR " in from_text or (known == ["LicenseRef-BSD"] and from_text.startswith("BSD-"))):
        return from_text
    if known:
        return " AND ".join(known)
    return from_text


def _from_text(text: str) -> str:
    if not text or "\n" in text.strip() or len(text) > 100:
        return ""
    plain = re.sub(r"[\s,_-]+", " ", text.strip().lower()).replace(" v ", " ").replace("version ", "").rstrip(".")
    return _NAMES.get(plain) or canonical(text.strip()) or ""


def admits(patterns: Iterable[str], expression: str) -> bool:
    """Whether a list of licences admits an expression: one side of each OR, both sides of each AND.

    Entries are SPDX identifiers or patterns (`GPL-*`), in any case; an exception (`WITH`) is admitted
    where its licence is, or where it is named with it.
    """
    wanted = [pattern.lower() for pattern in patterns]

    def admitted(licence: str) -> bool:
        plain = licence.partition(" with ")[0]
        return any(fnmatchcase(licence, p) or fnmatchcase(plain, p) for p in wanted)

    return evaluated(expression, admitted)


def touches(patterns: Iterable[str], expression: str) -> bool:
    """Whether no way of reading an expression avoids a list of licences: each side of an OR, one side of an AND."""
    refused = [pattern.lower() for pattern in patterns]

    def free(licence: str) -> bool:
        plain = licence.partition(" with ")[0]
        return not any(fnmatchcase(licence, p) or fnmatchcase(plain, p) for p in refused)

    return not evaluated(expression, free)


def evaluated(expression: str, holds: Callable[[str], bool]) -> bool:
    """Return whether an expression holds, given which licences (in lower case, with their exceptions) do."""
    words = re.findall(r"[()]|[^\s()]+", expression)
    at = 0

    def term() -> bool:
        nonlocal at
        if words[at] == "(":
            at += 1
            inside = either()
            at += 1
            return inside
        licence = words[at].lower()
        at += 1
        if at < len(words) and words[at].upper() == "WITH":
            licence = f"{licence} with {words[at + 1].lower()}"
            at += 2
        return holds(licence)

    def both() -> bool:
        nonlocal at
        found = term()
        while at < len(words) and words[at].upper() == "AND":
            at += 1
            found = term() and found
        return found

    def either() -> bool:
        nonlocal at
        found = both()
        while at < len(words) and words[at].upper() == "OR":
            at += 1
            found = both() or found
        return found

    return either()
