"""User-Agent headers as the tools send them, and as nobody should."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from affineur.standards.user_agents import LONGEST, Client, read_user_agent

PIP = (
    'pip/26.3 {"ci":true,"cpu":"x86_64","distro":{"id":"bookworm","libc":{"lib":"glibc","version":"2.36"},'
    '"name":"Debian GNU/Linux","version":"12"},"implementation":{"name":"CPython","version":"3.11.7"},'
    '"installer":{"name":"pip","version":"26.3"},"openssl_version":"OpenSSL 3.0.11 19 Sep 2023","python":"3.11.7",'
    '"rustc_version":"1.80.0","setuptools_version":"68.0.0","system":{"name":"Linux","release":"6.1.0-13-amd64"}}'
)
UV = (
    'uv/0.9.2 {"installer":{"name":"uv","version":"0.9.2","subcommand":["pip","install"]},"python":"3.12.4",'
    '"implementation":{"name":"CPython","version":"3.12.4"},"distro":null,"system":{"name":"Darwin",'
    '"release":"23.5.0"},"cpu":"arm64","openssl_version":null,"setuptools_version":null,"rustc_version":null,"ci":null}'
)


@pytest.mark.parametrize(
    ("text", "client"),
    [
        (PIP, Client("pip", "26.3", "3.11.7", "linux-x86_64", ci=True)),
        (UV, Client("uv", "0.9.2", "3.12.4", "darwin-arm64")),
        (PIP[:-4], Client("pip", "26.3", "3.11.7", "linux-x86_64", ci=True)),
        (PIP[:60], Client("pip", "26.3", "", "x86_64", ci=True)),
        ("pip/1.4.1 CPython/2.7.8 Darwin/13.4.0", Client("pip", "1.4.1", "2.7.8", "darwin")),
        ("pip/26.3", Client("pip", "26.3")),
        ("poetry/2.1.3 CPython/3.12.3 Linux/6.1.0", Client("poetry", "2.1.3", "3.12.3", "linux")),
        ("pdm/2.20.1 CPython/3.11.2 Windows/10", Client("pdm", "2.20.1", "3.11.2", "windows")),
        ("twine/6.1.0 CPython/3.13.0 Linux/6.8.0-31-generic", Client("twine", "6.1.0", "3.13.0", "linux")),
        (
            "twine/1.8.1 pkginfo/1.4.1 requests/2.12.4 setuptools/27.3.1 requests-toolbelt/0.7.0 tqdm/4.10.0 CPython/3.6.0",
            Client("twine", "1.8.1", "3.6.0"),
        ),
        (
            "bandersnatch/6.5.0 (cpython 3.11.2-final0, Linux x86_64) (aiohttp 3.9.1)",
            Client("bandersnatch", "6.5.0", "3.11.2", "linux-x86_64"),
        ),
        ("devpi-server/6.9.2 (py3.11.2; linux)", Client("devpi-server", "6.9.2", "3.11.2", "linux")),
        ("Python-urllib/3.9 setuptools/58.0.4", Client("setuptools", "58.0.4", "3.9")),
        ("setuptools/40.8.0 Python-urllib/3.7", Client("setuptools", "40.8.0", "3.7")),
        ("python-requests/2.31.0", Client("python-requests", "2.31.0")),
        ("Python-urllib/3.12", Client("python-urllib", "3.12", "3.12")),
        ("Artifactory/7.77.5 77705900", Client("artifactory", "7.77.5")),
        ("Nexus/3.68.1-02 (PRO; Linux; 6.1.0; amd64; 1.8.0_412)", Client("nexus", "3.68.1-02", "", "linux-amd64")),
        (
            "Homebrew/4.3.1 (Macintosh; arm64 Mac OS X 14.5) curl/8.6.0",
            Client("homebrew", "4.3.1", "", "darwin-arm64"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            Client("firefox", "128.0", "", "linux-x86_64"),
        ),
        ("curl/8.5.0", Client("curl", "8.5.0")),
        ("", Client()),
        ("{}", Client()),
        ("something odd", Client("something")),
    ],
)
def test_headers_of_the_tools(text, client):
    assert read_user_agent(text) == client


words = st.text(st.characters(codec="utf-8"), max_size=300)


@given(words)
@example("pip/" + "9" * 5000)
@example("pip/1 " + '{"a":' * 500)
@example('pip/1 {"python": 3, "cpu": [], "system": "x", "ci": "yes", "implementation": 1}')
@example("\x1b[31mpip/1\x07")
def test_anything_is_read_and_what_comes_out_is_short_and_printable(text):
    client = read_user_agent(text)
    for part in (client.name, client.version, client.python):
        assert len(part) <= 60
        assert part.isprintable()
        assert not any(char.isspace() for char in part)
    assert client.platform.isprintable()
    assert len(client.platform) <= 121
    assert read_user_agent(text + "x" * LONGEST) == read_user_agent((text + "x" * LONGEST)[:LONGEST])


name = st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True)
version = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){1,2}", fullmatch=True)


@given(name, version, version, name, name, st.sampled_from([True, None, False]), words)
def test_what_a_tool_says_in_json_is_what_is_read(tool, number, python, system, cpu, ci, more):
    told = {"user_data": more, "python": python, "cpu": cpu, "system": {"name": system, "release": "1"}, "ci": ci}
    client = read_user_agent(f"{tool}x/{number} {json.dumps(told)}")
    assert client == Client(f"{tool}x", number, python, f"{system}-{cpu}", ci=ci is True)
