"""Hashes edited in place: every other byte stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affineur.errors import Invalid
from affineur.standards.locks.edit_requirements import Edit, edit_hashes
from affineur.standards.locks.read import read_lock

A, B, C = (("sha256", letter * 64) for letter in "abc")


def h(pair):
    return ":".join(pair)


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        ("gouda==1.0\n", Edit(add=(A,)), f"gouda==1.0 \\\n    --hash={h(A)}\n"),
        ("gouda==1.0", Edit(add=(A, B)), f"gouda==1.0 \\\n    --hash={h(A)} \\\n    --hash={h(B)}"),
        ("gouda == 1.0  # why\n", Edit(add=(A,)), f"gouda == 1.0 \\\n    --hash={h(A)}  # why\n"),
        (
            f"gouda==1.0   \\\n  --hash={h(A)}   # why\n    # via x\n",
            Edit(add=(B,)),
            f"gouda==1.0   \\\n  --hash={h(A)} \\\n  --hash={h(B)}   # why\n    # via x\n",
        ),
        (
            f"gouda==1.0 --hash={h(A)} --hash sha256:{'b' * 64}\n",
            Edit(drop=(A,), add=(C,)),
            f"gouda==1.0 --hash sha256:{'b' * 64} \\\n    --hash={h(C)}\n",
        ),
        (
            f"gouda==1.0 \\\n    --hash={h(A)} \\\n    --hash={h(B)}  # why\n",
            Edit(drop=(B,)),
            f"gouda==1.0 \\\n    --hash={h(A)}  # why\n",
        ),
        (
            f"gouda==1.0 \\\n    --hash={h(A)} \\\n    --hash={h(B)}\n",
            Edit(drop=(A,)),
            f"gouda==1.0 \\\n    --hash={h(B)}\n",
        ),
        (f"gouda==1.0 \\\n    --hash={h(A)}\n", Edit(drop=(A,)), "gouda==1.0\n"),
        (
            f"gouda==1.0 \\\n    --hash=sha256:{'A' * 64}\n",
            Edit(drop=(A,), add=(B,)),
            f"gouda==1.0 \\\n    --hash={h(B)}\n",
        ),
        (
            f"gouda==1.0 \\\n    --hash={h(A)} \\\n# a comment\nbrie==1\n",
            Edit(add=(B,)),
            f"gouda==1.0 \\\n    --hash={h(A)} \\\n    --hash={h(B)} \\\n# a comment\nbrie==1\n",
        ),
        ("gouda==1.0\r\nbrie==2\r\n", Edit(add=(A,)), f"gouda==1.0 \\\r\n    --hash={h(A)}\r\nbrie==2\r\n"),
        ("\ufeffgouda==1.0\n", Edit(add=(A,)), f"\ufeffgouda==1.0 \\\n    --hash={h(A)}\n"),
        ("gouda==1.0 ; os_name == 'nt'\n", Edit(), "gouda==1.0 ; os_name == 'nt'\n"),
    ],
)
def test_edit(before, edit, after):
    assert edit_hashes(before, "r.txt", {1: edit}) == after


def test_other_entries_stay_byte_for_byte():
    text = "# head\n\n-i https://i.example.org/simple\nbrie==1  \t# x\ngouda[a,  b]==1.0;  os_name=='nt'\n\n  # end\n"
    edited = edit_hashes(text, "r.txt", {5: Edit(add=(A,))})
    start, end = text.split("gouda[a,  b]==1.0;  os_name=='nt'\n")
    assert edited == f"{start}gouda[a,  b]==1.0;  os_name=='nt' \\\n    --hash={h(A)}\n{end}"


def test_what_cannot_be_edited_is_left_alone_and_named():
    text = f"gouda==1.0 \\\n    --hash \\\n  {h(A)}\n"
    with pytest.raises(Invalid, match=r"r\.txt: line 1: .*cannot be edited"):
        edit_hashes(text, "r.txt", {1: Edit(drop=(A,))})


HASHES = st.lists(
    st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda d: ("sha256", d)), max_size=4, unique=True
)


@st.composite
def entries(draw):
    has = draw(HASHES)
    end = draw(st.sampled_from(["", "  # why", " # via x, y", "\t#"]))
    joint = draw(st.sampled_from([" \\\n    ", " ", "\\\n  ", "  \\\n "]))
    name = draw(st.sampled_from(["gouda==1.0", "brie[a]===2 ; os_name == 'nt'", "edam == 3"]))
    return joint.join([name, *(f"--hash={h(pair)}" for pair in has)]) + end, has


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "\n# c\n", "-i x\n"]), entries()), min_size=1, max_size=4), st.data())
def test_every_edit_does_what_it_says_and_can_be_undone(parts, data):
    text = "".join(f"{before}{entry}\n" for before, (entry, _) in parts)
    edits, undo, wanted = {}, {}, []
    for pin in read_lock(text, "r.txt").pins:
        drop = tuple(pair for pair in pin.hashes if data.draw(st.booleans()))
        add = tuple(pair for pair in data.draw(HASHES) if pair not in pin.hashes)
        edits[pin.line] = Edit(add, drop)
        wanted.append([pair for pair in pin.hashes if pair not in drop] + list(add))
    edited = edit_hashes(text, "r.txt", edits)
    pins = read_lock(edited, "r.txt").pins
    assert [list(pin.hashes) for pin in pins] == wanted
    assert edited.count("#") == text.count("#")
    for pin, edit in zip(pins, edits.values(), strict=True):
        undo[pin.line] = Edit(edit.drop, edit.add)
    again = edit_hashes(edited, "r.txt", undo)
    assert [set(pin.hashes) for pin in read_lock(again, "r.txt").pins] == [set(has) for _, (_, has) in parts]
