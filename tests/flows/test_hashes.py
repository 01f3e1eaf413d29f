"""`affineur hashes`: added, verified and pruned against an index, on a data folder and through a server."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from affineur.cli.documents import documents_at
from affineur.model.principals import Principal, Right
from affineur.operations.table import BY_PATH
from tests.support.distributions import wheel_bytes
from tests.support.in_process import InProcess

LINUX, MAC, WINDOWS = (f"cp311-cp311-{tag}" for tag in ("manylinux_2_17_x86_64", "macosx_11_0_arm64", "win_amd64"))


@pytest.fixture
def milk(upstream):
    """Two releases of milk; hashes of the second by the end of the file's name."""
    upstream.wheel("milk", "1.0")
    names = [upstream.wheel("milk", "2.0", tag=tag) for tag in (LINUX, MAC, WINDOWS)] + [upstream.sdist("milk", "2.0")]
    rows = upstream.projects["milk"]
    hashes = {part: f"sha256:{rows[name]['hashes']['sha256']}" for part in ("x86_64.whl", "arm64.whl", "amd64.whl", ".gz")
              for name in names if name.endswith(part)}  # fmt: skip
    hashes["old"] = f"sha256:{rows['milk-1.0-py3-none-any.whl']['hashes']['sha256']}"
    return hashes


class Here:
    """The operations on a data folder over the upstream, in this process."""

    def __init__(self, data, upstream, **settings):
        self.site = InProcess(data, upstream.url, **settings)
        self.context = self.site.site.context(Principal("tests", "", frozenset({"*"}), frozenset(Right)))

    async def __call__(self, verb, path, **options):
        """Run one on a file, and write what it changes."""
        operation = BY_PATH[f"hashes/{verb}"]
        files = tuple(documents_at([str(path)], follow=True))
        made = await operation.run(self.context, operation.request(files, **options))
        for document in operation.writes(made) if operation.writes else ():
            Path(document.name).write_text(document.text)
        return made, operation.say(made), operation.found(made)


@pytest.fixture
async def here(tmp_path, upstream):
    made = Here(tmp_path / "data", upstream)
    yield made
    await made.site.app.close()


def hashes_in(path):
    return [word[len("--hash=") :] for word in path.read_text().split() if word.startswith("--hash=")]


def test_hashes_are_added_by_the_command_and_through_a_server(affineur, milk, tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("# ours\nmilk==2.0  # fresh\n\n--no-binary brie\n")
    done = affineur.command("hashes", "add", str(path), "--verbose")
    expected = sorted(value for name, value in milk.items() if name != "old")
    lines = [f"    --hash={value}" for value in expected]
    text = "# ours\nmilk==2.0 \\\n" + " \\\n".join(lines) + "  # fresh\n\n--no-binary brie\n"
    assert path.read_text() == text
    assert f"added {milk['.gz']} milk-2.0.tar.gz" in done.stdout
    assert "4 hashes added, 0 dropped, 1 file changed" in done.stdout
    before = path.stat()
    place = ("--index", "main", "--server", affineur.url, "--token", affineur.token(index="main", rights="read"))
    again = affineur.command("hashes", "add", str(path), *place)
    assert "0 hashes added" in again.stdout
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    path.write_text("milk==2.0\n")
    affineur.command("hashes", "add", str(path), *place)
    assert hashes_in(path) == expected
    path.write_text(f"milk==2.0 --hash={milk['old']}\n")
    verified = affineur.command("hashes", "verify", str(path), check=False)
    assert verified.returncode == 3
    assert f"milk 2.0: wrong {milk['old']} milk-1.0-py3-none-any.whl" in verified.stdout


async def test_only_files_that_fit_the_platforms_chosen(here, milk, tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("milk==2.0\n")
    chosen = {"platform": ("linux-x86_64", "windows-amd64"), "python": ("3.11",)}
    assert not (await here("add", path, **chosen))[2]
    assert set(hashes_in(path)) == {milk["x86_64.whl"], milk["amd64.whl"], milk[".gz"]}
    assert not (await here("verify", path, **chosen))[2]
    _, said, found = await here("verify", path)
    assert found
    assert f"milk 2.0: missing {milk['arm64.whl']} milk-2.0-{MAC}.whl" in said
    _, _, found = await here("prune", path, platform=("linux-x86_64",), python=("3.11",))
    assert not found
    assert set(hashes_in(path)) == {milk["x86_64.whl"], milk[".gz"]}


async def test_a_platform_that_nothing_fits_is_told_unless_the_marker_leaves_it_out(here, upstream, tmp_path):
    upstream.wheel("butter", "1.0", tag=WINDOWS)
    path = tmp_path / "requirements.txt"
    chosen = {"platform": ("windows-amd64", "linux-x86_64"), "python": ("3.11",)}
    path.write_text("butter==1.0\n")
    _, said, found = await here("add", path, **chosen)
    assert found
    assert "butter 1.0: no file of it fits linux-x86_64 Python 3.11" in said
    path.write_text('butter==1.0 ; sys_platform == "darwin"\n')
    _, said, found = await here("add", path, **chosen)
    assert not found
    assert hashes_in(path) == []
    path.write_text('butter==1.0 ; sys_platform == "win32"\n')
    _, _, found = await here("add", path, **chosen)
    assert not found
    assert len(hashes_in(path)) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("milk==9.9", "line 2: milk 9.9: main has no such release"),
        ("nothing-of-the-kind==1.0", "main has no such release"),
        ("fresh==1.0", "line 2: fresh 1.0: 1.0 is"),
        (f"milk==2.0 --hash=sha256:{'0' * 64}", "belongs to no file of that release"),
    ],
)
async def test_nothing_is_written_where_an_entry_is_refused(here, milk, upstream, tmp_path, line, reason):
    upstream.wheel("fresh", "1.0", keys={"uploaded": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
    path = tmp_path / "requirements.txt"
    text = f"milk==2.0\n{line}\n"
    path.write_text(text)
    _, said, found = await here("add", path)
    assert found
    assert reason in said
    assert said.endswith("nothing was written")
    assert path.read_text() == text


async def test_bytes_that_are_not_those_seen_first_are_refused(upstream, tmp_path):
    upstream.wheel("swapped", "1.0")
    here = Here(tmp_path / "data", upstream, fresh_for=0.0, patience=30.0)
    path = tmp_path / "requirements.txt"
    path.write_text("swapped==1.0\n")
    assert not (await here("add", path))[2]
    upstream.add("swapped", "swapped-1.0-py3-none-any.whl", wheel_bytes("swapped", "1.0", padding=9))
    path.write_text("swapped==1.0\n")
    _, said, found = await here("add", path)
    await here.site.app.close()
    assert found
    assert "swapped-1.0-py3-none-any.whl: " in said
    assert path.read_text() == "swapped==1.0\n"


async def test_what_cannot_have_hashes_is_left_and_told(here, milk, tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("milk>=1\n-e ./mine\n-r https://example.org/other.txt\nmilk==2.0\n")
    _, said, found = await here("add", path)
    assert found
    assert "line 1: milk >=1: is not pinned" in said
    assert "line 2: ./mine: comes from a direct address" in said
    assert "-r https://example.org/other.txt was not read, and is left aside" in said
    assert len(hashes_in(path)) == 4


async def test_files_that_are_named_are_edited_with_the_one_that_names_them(here, milk, tmp_path):
    folder = tmp_path / "shop"
    (folder / "parts").mkdir(parents=True)
    path, named, deeper = folder / "all.txt", folder / "parts" / "web.txt", folder / "parts" / "deep.txt"
    limits, outside = folder / "limits.txt", tmp_path / "outside.txt"
    path.write_text("-r parts/web.txt\n-c limits.txt\nmilk==2.0\n")
    named.write_text("# ours\n-r deep.txt\n-r ../all.txt\nmilk==2.0  # fresh\n")
    for other in (deeper, limits, outside):
        other.write_text("milk==2.0\n")
    made, _, found = await here("add", path)
    assert not found
    assert (made.added, len(made.documents)) == (12, 3)
    assert [len(hashes_in(one)) for one in (path, named, deeper, limits)] == [4, 4, 4, 0]
    assert named.read_text().startswith("# ours\n-r deep.txt\n") and named.read_text().endswith("  # fresh\n")
    _, _, found = await here("verify", path)
    assert not found
    _, _, found = await here("prune", path, platform=("linux-x86_64",), python=("3.11",))
    assert not found
    assert [len(hashes_in(one)) for one in (path, named, deeper, limits)] == [2, 2, 2, 0]
    path.write_text("-r ../outside.txt\n")
    _, said, found = await here("add", path)
    assert found
    assert "outside.txt lies outside its folder and is left as it is: name it as well" in said
    assert outside.read_text() == "milk==2.0\n"


async def test_no_file_is_written_where_an_entry_of_another_is_refused(here, milk, tmp_path):
    path, named = tmp_path / "all.txt", tmp_path / "part.txt"
    path.write_text("-r part.txt\nmilk==2.0\n")
    named.write_text("milk==9.9\n")
    _, said, found = await here("add", path)
    assert found
    assert f"{named}: line 1: milk 9.9: main has no such release" in said
    assert (path.read_text(), named.read_text()) == ("-r part.txt\nmilk==2.0\n", "milk==9.9\n")


async def test_wrong_and_foreign_hashes_are_told_and_pruned(here, milk, tmp_path):
    path = tmp_path / "requirements.txt"
    foreign = f"sha256:{'e' * 64}"
    path.write_text(f"milk==2.0 --hash={milk['old']} --hash={foreign} --hash={milk['.gz']} --hash=md5:{'a' * 32}\n")
    made, _, found = await here("verify", path)
    assert found
    rows = {(row.what, row.hash): row.filename for row in made.rows}
    assert rows["wrong", milk["old"]] == "milk-1.0-py3-none-any.whl"
    assert rows["foreign", foreign] == ""
    assert ("unknown", f"md5:{'a' * 32}") in rows
    assert sum(what == "missing" for what, _ in rows) == 3
    _, said, _ = await here("prune", path)
    assert hashes_in(path) == [milk[".gz"], f"md5:{'a' * 32}"]
    assert "whose md5:" in said
    path.write_text(f"milk==2.0 --hash={foreign}\n")
    _, said, found = await here("prune", path)
    assert found
    assert "none of its hashes would be left" in said
    assert hashes_in(path) == [foreign]
