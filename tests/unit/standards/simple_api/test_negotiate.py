"""Negotiation never fails but in the one way it may."""

from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import NotAcceptable
from affineur.standards.simple_api.negotiate import Representation, encoding, representation

_types = st.sampled_from(
    [*(form.value for form in Representation), "*/*", "text/*", "application/*", "image/png", "", "x"]
)
_qualities = st.sampled_from(
    ["", ";q=1", ";q=0", ";q=0.5", "; Q = .3", ";q=", ";q=nan", ";q=inf", ";q=-1", ";v=1;q=0.2"]
)
_ranges = st.lists(st.tuples(_types, _qualities).map("".join), max_size=6).map(",".join)


@given(_ranges | st.text(max_size=60))
def test_a_form_or_406(accept):
    try:
        chosen = representation(accept)
    except NotAcceptable:
        return
    assert chosen in Representation


@given(_ranges)
def test_what_is_refused_outright_is_never_chosen(accept):
    refused = {"text/html": Representation.HTML, "application/vnd.pypi.simple.v1+json": Representation.JSON}
    for name, form in refused.items():
        if name in accept:
            continue
        try:
            assert representation(f"{accept},{name};q=0") is not form
        except NotAcceptable:
            pass


@given(st.text(max_size=60))
def test_a_coding_that_exists(accept):
    assert encoding(accept) in {"identity", "gzip", "zstd"}
