"""Which representation a client gets (PEP 691, RFC 9110 section 12)."""

import html.parser

import pytest

JSON = "application/vnd.pypi.simple.v1+json"
HTML_V1 = "application/vnd.pypi.simple.v1+html"
HTML = "text/html"
PAGES = ["/main/simple/", "/main/simple/cheddar/"]
PIP = f"{JSON}, {HTML_V1}; q=0.1, text/html; q=0.01"
UV = f"{JSON}, {HTML_V1};q=0.2, text/html;q=0.01"

CHOICES = [
    (None, HTML),
    ("", HTML),
    ("*/*", HTML),
    (JSON, JSON),
    (HTML_V1, HTML_V1),
    (HTML, HTML),
    ("text/*", HTML),
    ("application/*", HTML_V1),
    ("application/vnd.pypi.simple.latest+json", JSON),
    ("application/vnd.pypi.simple.latest+html", HTML_V1),
    (f"{JSON};q=0.1, {HTML_V1}", HTML_V1),
    (f"{JSON}, {HTML_V1};q=0.1", JSON),
    (f"{JSON};q=0, */*", HTML),
    (f"image/png, {JSON};q=0.1", JSON),
    (f"*/*;q=0.1, {JSON}", JSON),
    (f"TEXT/HTML;q=0.2, {JSON.upper()}", JSON),
    ("text/html;charset=utf-8, application/xhtml+xml;q=0.9, */*;q=0.8", HTML),
    (PIP, JSON),
    (UV, JSON),
]


@pytest.fixture(scope="module", autouse=True)
def project(upstream):
    upstream.wheel("cheddar", "1.0")


def media_type(answer):
    return answer.headers["Content-Type"].partition(";")[0]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("accept", "wanted"), CHOICES)
def test_the_form_asked_for_is_sent(raw, path, accept, wanted):
    answer, body = raw(path, headers={} if accept is None else {"Accept": accept})
    assert answer.status == 200
    assert media_type(answer) == wanted
    assert (body[:1] == b"{") == (wanted == JSON)
    assert "Accept" in [name.strip() for name in answer.headers["Vary"].split(",")]


@pytest.mark.parametrize("form", [JSON, HTML_V1])
def test_the_types_of_the_simple_api_are_sent_to_the_letter(affineur, form):
    assert affineur.get("/main/simple/cheddar/", headers={"Accept": form}).headers["Content-Type"] == form


def test_several_accept_headers_are_one(affineur):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", affineur.port, timeout=10)
    connection.putrequest("GET", "/main/simple/cheddar/")
    connection.putheader("Accept", "image/png")
    connection.putheader("Accept", JSON)
    connection.endheaders()
    assert connection.getresponse().headers["Content-Type"] == JSON
    connection.close()


@pytest.mark.parametrize("path", PAGES)
def test_anything_and_nothing_are_the_same(raw, path):
    (nothing, first), (anything, second) = raw(path), raw(path, headers={"Accept": "*/*"})
    assert first == second
    assert nothing.headers["ETag"] == anything.headers["ETag"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("accept", ["image/png", "application/vnd.pypi.simple.v2+json", "*/*;q=0", f"{JSON};q=0"])
def test_a_form_that_does_not_exist_is_406(affineur, path, accept):
    answer = affineur.get(path, headers={"Accept": accept}, allow_redirects=False)
    assert answer.status_code == 406
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert JSON in answer.json()["detail"]


@pytest.mark.parametrize("path", PAGES)
def test_the_parameter_format_beats_accept(affineur, path):
    for given, wanted in ((JSON, JSON), (HTML_V1, HTML_V1), (HTML, HTML), (JSON.replace("v1", "latest"), JSON)):
        answer = affineur.get(path, params={"format": given}, headers={"Accept": "image/png"})
        assert media_type(answer) == wanted
    unescaped = affineur.get(f"{path}?format={JSON}", headers={"Accept": HTML})
    assert media_type(unescaped) == JSON
    assert affineur.get(path, params={"format": "image/png"}).status_code == 406


class Tree(html.parser.HTMLParser):
    """What of a page matters here; tags that are not closed in order are an error."""

    def __init__(self, text):
        super().__init__()
        self.metas, self.anchors, self.open, self.declaration = {}, [], [], None
        self.feed(text)
        self.close()
        assert self.open == [], "tags left open"

    def handle_decl(self, declaration):
        self.declaration = declaration

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "meta" and "name" in attributes:
            self.metas[attributes["name"]] = attributes["content"]
        if tag == "a":
            self.anchors.append([attributes["href"], ""])
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["a"]:
            self.anchors[-1][1] += data


@pytest.mark.parametrize("path", PAGES)
def test_html_is_html5_and_stays_at_version_1_4(raw, path):
    answer, body = raw(path)
    page = Tree(body.decode())
    assert page.declaration.lower() == "doctype html"
    assert page.metas["pypi:repository-version"] == "1.4"
    assert answer.headers["Content-Type"].replace(" ", "") == "text/html;charset=utf-8"
    assert len(page.anchors) == 1


def test_the_root_lists_each_project_once_with_its_serial(affineur, raw):
    affineur.page("cheddar")
    document = affineur.get("/main/simple/", headers={"Accept": JSON}).json()
    assert document["meta"]["api-version"].startswith("1.")
    names = [row["name"] for row in document["projects"]]
    assert names == sorted(set(names))
    assert "cheddar" in names
    page = affineur.page("cheddar")
    serials = {row["name"]: row["_last-serial"] for row in document["projects"]}
    assert serials["cheddar"] == page["meta"]["_last-serial"] > 0
    assert document["meta"]["_last-serial"] == max(serials.values())
    _, body = raw("/main/simple/")
    assert Tree(body.decode()).anchors == [[f"{name}/", name] for name in names]
    answer = affineur.get("/main/simple/cheddar/")
    assert answer.headers["X-PyPI-Last-Serial"] == str(serials["cheddar"])
    assert f"<!--SERIAL {serials['cheddar']}-->" in answer.text


def test_the_root_lists_what_is_held_here_and_never_all_that_the_upstream_has(affineur, upstream):
    upstream.wheel("never-asked-for", "1.0")
    names = [row["name"] for row in affineur.get("/main/simple/", headers={"Accept": JSON}).json()["projects"]]
    assert "never-asked-for" not in names
