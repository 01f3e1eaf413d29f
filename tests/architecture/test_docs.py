"""The reference pages say everything there is, and nothing else."""

import importlib.util
import re

import pytest

from affineur import errors
from affineur.cli.main import app
from affineur.settings import SETTINGS
from affineur.web.routes import ROUTES
from tests.architecture.tree import ROOT

DOCS = ROOT / "docs"


def load_generator():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generator = load_generator()


def headings(page):
    found = re.findall(r"^#+ (.+)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {heading.strip("`") for heading in found}


@pytest.mark.parametrize("page", generator.PAGES)
def test_page_is_as_generated(page):
    written = (DOCS / page).read_text(encoding="utf-8")
    assert written == generator.PAGES[page](), f"docs/{page} is not up to date: run python docs/generate.py"


def test_every_error_has_its_heading():
    classes = {
        name for name, it in vars(errors).items() if isinstance(it, type) and issubclass(it, errors.AffineurError)
    }
    assert classes <= headings("errors.md")


def test_every_setting_has_its_heading():
    assert {setting.name for setting in SETTINGS} <= headings("settings.md")


def test_every_command_has_its_heading():
    assert {name for name, _ in generator.commands(app)} <= headings("commands.md")


def test_every_route_has_its_heading():
    assert {route.pattern for route in ROUTES} <= headings("routes.md")


def test_every_page_is_in_the_table_of_contents():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    missing = {
        page for page in pages if "_build" not in page and not page.startswith("decisions/") and page not in index
    }
    assert missing <= {"index"}


def test_every_word_of_the_glossary_is_in_order():
    words = re.findall(r"^\*\*(.+?)\*\*$", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert words == sorted(words, key=str.lower)
    assert len(words) > 20
