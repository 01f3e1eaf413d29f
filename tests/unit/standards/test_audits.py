"""Reports of audits in every form: valid by the schemas of their formats, and harmless whatever text packages bring."""

import functools
import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affineur.standards.audits.forms import FORMS
from affineur.standards.audits.report import (
    Advisories,
    Dependency,
    Excepted,
    Finding,
    Report,
    Unchecked,
    Upgrade,
    Vulnerability,
)
from affineur.standards.audits.table import table

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

# What reads schemas takes seconds to import, and every process of tests imports this file: it is imported late.


@functools.cache
def sarif():
    """The schema of SARIF 2.1.0 (rtm.5), as it stands in the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT)."""
    import jsonschema

    return jsonschema.Draft4Validator(
        json.loads(gzip.decompress((Path(__file__).parents[2] / "data" / "sarif-2.1.0.json.gz").read_bytes())),
        format_checker=jsonschema.FormatChecker(),
    )


def hole(identifier="PYSEC-1", **fields):
    given = {
        "id": identifier, "aliases": ["CVE-2026-1", "GHSA-1"], "fix_versions": ["1.1"], "description": "Long.",
        "kind": "vulnerability", "severity": "high", "summary": "holes", "link": "https://advisories.example.org/1",
        "nearest": "1.1",
    }  # fmt: skip
    return Vulnerability(**{**given, **fields})


def report(text="too soft", name="brie", version="1.0", file="requirements.txt"):
    """A report with something of every kind in which a text stands wherever packages or people bring one."""
    holes = [
        hole(summary=text, description=text), hole("MAL-1", kind="malware", severity="unrated", aliases=[]),
        hole("X-1", severity="low", link="", fix_versions=[], nearest=""),
    ]  # fmt: skip
    return Report(
        [
            Dependency(name, version, holes, file, 3, "public", "1.2", [f"sha256:{'0' * 64}"]),
            Dependency("gouda", "1!2.0+cpu.1", [hole()], file, 4, hashes=[f"sha256:{'1' * 64}", f"md5:{'1' * 32}"]),
            Dependency("feta", "", [], file, 5, skip_reason="no version is known"),
        ],
        [Upgrade(name, version, "1.2", ["PYSEC-1"])],
        [
            Finding("yanked", "warning", f"it was yanked: {text}", name, version, file, 3),
            Finding("extra-index-url", "warning", f"said: {text}", file=file, line=1),
            Finding("pending", "note", "startup_code has not judged 1 of the releases"),
        ],
        [Unchecked("unpinned", text, "feta", "", file, 5), Unchecked("advisories", "ADVISORIES WERE NEVER IMPORTED")],
        [Excepted("PYSEC-9", name, version, text, "2999-01-01")],
        [text],
        Advisories(3, NOW, NOW, "ADVISORIES WERE NEVER IMPORTED"),
        "main", "standard", "abc", True, NOW,
    )  # fmt: skip


HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("\n\r\x1b\x9b\u202e|`*_[](){}<>@#:%,\\&!-~")), min_size=1, max_size=60
) | st.sampled_from(
    [
        "\n::error::owned",
        "::set-output name=x::y",
        "| a | b |",
        "[x](https://evil.example.org)",
        "{0} {{",
        "<script>",
        "\x1b[2J",
    ]
)


@settings(max_examples=30, deadline=None)
@given(HOSTILE)
def test_sarif_is_as_the_standard_has_it(text):
    log = json.loads(FORMS["sarif"](report(text)))
    sarif().validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_sarif_tells_everything_with_its_line():
    (run,) = json.loads(FORMS["sarif"](report()))["runs"]
    lines = [
        (r["ruleId"], r["level"], r["locations"][0]["physicalLocation"].get("region", {}).get("startLine"))
        for r in run["results"]
        if "locations" in r
    ]
    assert lines == [
        ("PYSEC-1", "error", 3), ("MAL-1", "error", 3), ("X-1", "warning", 3), ("PYSEC-1", "error", 4),
        ("yanked", "warning", 3), ("extra-index-url", "warning", 1), ("not-checked/unpinned", "warning", 5),
    ]  # fmt: skip
    scores = {r["id"]: r["properties"].get("security-severity") for r in run["tool"]["driver"]["rules"]}
    assert (scores["PYSEC-1"], scores["MAL-1"], scores["yanked"]) == ("8.0", "10.0", None)


@settings(max_examples=12, deadline=None)
@given(HOSTILE)
def test_cyclonedx_is_valid_by_its_schema(text):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(FORMS["cyclonedx"](report(text))) is None


def test_cyclonedx_names_what_each_hole_affects():
    bill = json.loads(FORMS["cyclonedx"](report()))
    assert [c["purl"] for c in bill["components"]] == [
        "pkg:pypi/brie@1.0", "pkg:pypi/gouda@1%212.0%2Bcpu.1", "pkg:pypi/feta",
    ]  # fmt: skip
    found = {v["id"]: [a["ref"] for a in v["affects"]] for v in bill["vulnerabilities"]}
    assert found["PYSEC-1"] == ["pkg:pypi/brie@1.0", "pkg:pypi/gouda@1%212.0%2Bcpu.1"]
    assert found["MAL-1"] == ["pkg:pypi/brie@1.0"]
    assert {"name": "affineur:not-checked:unpinned", "value": "too soft"} in bill["components"][2]["properties"]


@settings(max_examples=12, deadline=None)
@given(HOSTILE)
def test_spdx_is_valid_by_its_own_library(text):
    from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = JsonLikeDictParser().parse(json.loads(FORMS["spdx"](report(text))))
    assert validate_full_spdx_document(document, "SPDX-2.3") == []
    assert [package.name for package in document.packages] == ["brie", "gouda", "feta"]


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_no_text_becomes_a_command_of_github(text):
    lines = FORMS["github"](report(text, file="a,b:c.txt")).splitlines()
    told = 4 + 3 + 2
    assert len(lines) == told + 1
    for line in lines[:-1]:
        assert re.fullmatch(r"::(error|warning|notice) [^:]*(?:::)[^\r\n]*", line), line
    assert lines[0].startswith("::error file=a%2Cb%3Ac.txt,line=3,title=PYSEC-1%3A ")
    assert not lines[-1].startswith("::")


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_no_text_becomes_markup(text):
    made = FORMS["markdown"](report(text))
    for row in made.splitlines():
        if row.startswith("| ") and "---" not in row:
            assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) in {4, 5, 6}, row
    assert not re.search(r"(?<!\\)(?:\\\\)*[<`]", made)
    assert "@" not in made
    assert not re.search(r"[^\\]\]\(", made)


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
def test_no_text_moves_the_cursor_of_a_terminal(text):
    made = table(report(text))
    assert all(char == "\n" or char.isprintable() for char in made)
    assert len(made.splitlines()) == len(table(report("x")).splitlines())


@pytest.mark.parametrize("form", [*FORMS, "table"])
def test_every_form_tells_what_was_not_checked(form):
    made = table(report()) if form == "table" else FORMS[form](report())
    assert "feta" in made
    assert "NEVER IMPORTED" in made
    assert re.search(r"not[- _]checked", made, re.IGNORECASE)
