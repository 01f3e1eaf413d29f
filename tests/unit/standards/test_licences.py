"""What core metadata states of a licence, as one expression, and what lists make of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.model.licences import Stated
from affineur.standards.licences import admits, evaluated, expression_of, stated_in, touches

OSI = "License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("stated", "expression"),
    [
        (Stated("mit or apache-2.0"), "MIT OR Apache-2.0"),
        (Stated("MIT", classifiers=(OSI + "BSD License",)), "MIT"),
        (Stated(classifiers=(OSI + "MIT License",)), "MIT"),
        (Stated(classifiers=(OSI + "MIT License", OSI + "Apache Software License")), "MIT AND Apache-2.0"),
        (
            Stated(text="MIT OR Apache-2.0", classifiers=(OSI + "MIT License", OSI + "Apache Software License")),
            "MIT OR Apache-2.0",
        ),
        (Stated(classifiers=(OSI + "BSD License",)), "LicenseRef-BSD"),
        (Stated(text="BSD-3-Clause", classifiers=(OSI + "BSD License",)), "BSD-3-Clause"),
        (Stated(text="BSD 3-Clause License", classifiers=(OSI + "BSD License",)), "BSD-3-Clause"),
        (Stated(text="Apache License, Version 2.0"), "Apache-2.0"),
        (Stated(text="the mit license"), "MIT"),
        (Stated(text="GPLv3+"), "GPL-3.0-or-later"),
        (Stated(text="Copyright (c) somebody\n\nPermission is hereby granted"), ""),
        (Stated(text="see LICENSE"), ""),
        (Stated("NOT A LICENCE"), ""),
        (Stated(classifiers=("License :: OSI Approved",)), ""),
        (Stated(), ""),
    ],
)
def test_statements_become_expressions(stated, expression):
    assert expression_of(stated) == expression


def test_core_metadata_are_read_whatever_their_faults():
    raw = b"Metadata-Version: 2.1\nName: x\nVersion: 1\nLicense: MIT\nClassifier: License :: Public Domain\nClassifier: Topic :: A\n"
    assert stated_in(raw) == Stated("", "MIT", ("License :: Public Domain",))
    assert stated_in(b"\xff\xfe\x00") == Stated()
    assert stated_in(b"") == Stated()


LICENCES = st.sampled_from(["MIT", "Apache-2.0", "GPL-3.0-only", "GPL-2.0-or-later WITH Classpath-exception-2.0"])
EXPRESSIONS = st.recursive(
    LICENCES, lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    max_leaves=6,
)  # fmt: skip


@given(EXPRESSIONS, st.sets(LICENCES))
def test_expressions_mean_what_their_words_say(expression, held):
    plain = expression
    for number, name in enumerate(
        sorted(["MIT", "Apache-2.0", "GPL-3.0-only", "GPL-2.0-or-later WITH Classpath-exception-2.0"])
    ):
        plain = plain.replace(name, f"v{number}_")
    names = {
        f"v{n}_": name in held
        for n, name in enumerate(
            sorted(["MIT", "Apache-2.0", "GPL-3.0-only", "GPL-2.0-or-later WITH Classpath-exception-2.0"])
        )
    }
    wanted = eval(plain.replace("AND", "and").replace("OR", "or"), {}, names)
    assert evaluated(expression, lambda licence: licence in {name.lower() for name in held}) == wanted
    assert admits(held, expression) == wanted
    assert touches(["nothing"], expression) is False


@pytest.mark.parametrize(
    ("patterns", "expression", "admitted"),
    [
        (["mit"], "MIT", True),
        (["GPL-*"], "GPL-2.0-or-later WITH Classpath-exception-2.0", True),
        (["GPL-3.0-only"], "GPL-2.0-only", False),
        (["MIT", "ISC"], "MIT AND (ISC OR GPL-3.0-only)", True),
        ([], "MIT", False),
    ],
)
def test_patterns(patterns, expression, admitted):
    assert admits(patterns, expression) is admitted
