"""XML-RPC: what comes is read by nobody's rules, what goes is always XML."""

import xmlrpc.client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import InvalidDocument
from affineur.standards import xml_rpc

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<methodCall><methodName>&b;</methodName><params/></methodCall>"""
OUTSIDE = b"""<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]>
<methodCall><methodName>search</methodName><params><param><value>&e;</value></param></params></methodCall>"""
DOCTYPE = b"<!DOCTYPE methodCall><methodCall><methodName>search</methodName></methodCall>"

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), inner),
    max_leaves=20,
)


def test_call_as_the_standard_client_writes_it():
    body = xmlrpc.client.dumps(({"name": ["brie", "é"]}, "or"), "search").encode()
    assert xml_rpc.parse_call(body) == xml_rpc.Call("search", [{"name": ["brie", "é"]}, "or"])
    assert xml_rpc.parse_call(xmlrpc.client.dumps((), "changelog_last_serial").encode()).parameters == []


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, DOCTYPE], ids=["bomb", "outside", "doctype"])
def test_document_types_and_entities_are_refused(body):
    with pytest.raises(InvalidDocument, match="DTDForbidden"):
        xml_rpc.parse_call(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"search",
        b"<methodCall/>",
        b"<methodCall><methodName></methodName></methodCall>",
        b"<methodCall><methodName>a</methodName><params><param><value><int>x</int></value></param></params></methodCall>",
        b"<methodResponse><fault><value><int>3</int></value></fault></methodResponse>",
        b'<?xml version="1.0" encoding="no-such"?><methodCall><methodName>a</methodName></methodCall>',
        b"<methodCall><methodName>\xff</methodName></methodCall>",
    ],
)
def test_what_is_no_call_is_named_so(body):
    with pytest.raises(InvalidDocument):
        xml_rpc.parse_call(body)


_PIECES = [
    b"<methodCall>", b"</methodCall>", b"<methodName>a</methodName>", b"<params>", b"</params>", b"<param>", b"</param>",
    b"<value>", b"</value>", b"<struct>", b"</struct>", b"<member>", b"</member>", b"<name>n</name>", b"<array><data>",
    b"</data></array>", b"<fault>", b"</fault>", b"<int>", b"</int>", b"1", b"<base64>", b"</base64>", b"<nil/>",
    b"<dateTime.iso8601>", b"</dateTime.iso8601>", b"<double>", b"</double>", b"<i8>", b"</i8>", b"&lt;",
]  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=14).map(b"".join) | st.binary(max_size=60))
def test_any_text_is_a_call_or_refused(body):
    for text in (body, b"<methodCall><methodName>a</methodName>" + body + b"</methodCall>"):
        try:
            assert isinstance(xml_rpc.parse_call(text), xml_rpc.Call)
        except InvalidDocument:
            pass


@given(values)
def test_any_value_comes_back(value):
    (got,), _ = xmlrpc.client.loads(xml_rpc.answer(value), use_builtin_types=True)
    assert type(got) is type(value)
    if not any(c in repr(value) for c in "\\"):
        assert got == value


def test_numbers_beyond_32_bits_and_text_beyond_xml():
    (got,), _ = xmlrpc.client.loads(xml_rpc.answer([2**40, "a\x1b\ud800b\r\n"]))
    assert got[0] == 2**40
    assert got[1].startswith("a\ufffd\ufffdb")


def test_fault_holds_the_sentence():
    with pytest.raises(xmlrpc.client.Fault) as caught:
        xmlrpc.client.loads(xml_rpc.fault(xml_rpc.NO_SUCH_METHOD, "no <such> method\x00"))
    assert (caught.value.faultCode, caught.value.faultString) == (-32601, "no <such> method\ufffd")
