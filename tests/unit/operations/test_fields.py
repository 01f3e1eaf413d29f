"""What fields of requests may hold: every number has bounds, no text holds what cannot be kept."""

import math

import msgspec
import pytest

from affineur.errors import Invalid
from affineur.operations.fields import bounds_of, check
from affineur.operations.ledgers import LedgerLog
from affineur.operations.lock import Lock
from affineur.operations.operation import Document
from affineur.operations.table import BACKGROUND, TABLE

OPERATIONS = {operation.name: operation for operation in (*TABLE, *BACKGROUND)}


def kinds(field):
    info = msgspec.inspect.type_info(field.type)
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    parts = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    return [part for part in parts if isinstance(part, msgspec.inspect.IntType | msgspec.inspect.FloatType)]


NUMBERS = [
    (operation, field)
    for operation in OPERATIONS.values()
    for field in msgspec.structs.fields(operation.request)
    if kinds(field)
]


def asked(operation, field, value):
    needed = {one.name: "x" for one in msgspec.structs.fields(operation.request) if one.required}
    return operation.request(**{**needed, field.name: value})


@pytest.mark.parametrize(("operation", "field"), NUMBERS, ids=lambda part: part.name)
def test_every_number_has_bounds_that_hold(operation, field):
    least, most = bounds_of(field)
    for value in (least, most):
        assert operation.checked(asked(operation, field, value))
    for value in (least - 1, most + 1, 10**400, -(10**400), math.nan, math.inf, -math.inf):
        with pytest.raises(Invalid, match=f"^--{field.name.replace('_', '-')} .* is wanted$"):
            operation.checked(asked(operation, field, value))


def test_there_are_numbers_to_check():
    assert {"prune", "job list", "exposure", "monitor mute"} <= {operation.name for operation, _ in NUMBERS}


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
@pytest.mark.parametrize(
    "request_of",
    [
        lambda text: LedgerLog(kind=text),
        lambda text: Lock(files=(Document("requirements.txt", text),)),
        lambda text: Lock(files=(Document(text, "gouda"),)),
        lambda text: OPERATIONS["token create"].request(user="ada", index=("main", text)),
    ],
)
def test_texts_that_cannot_be_kept_are_refused_wherever_they_stand(request_of, text):
    with pytest.raises(Invalid, match=r"^--(kind|files|index): it holds "):
        check(request_of(text))
    check(request_of("gouda é 🧀"))
