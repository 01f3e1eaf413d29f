"""pip's configuration, read as pip reads it."""

import os
import subprocess
import sys

import pytest

from affineur.errors import InvalidConfig
from affineur.sources.pip_settings import read_pip_settings


@pytest.fixture
def home(tmp_path):
    """An environment whose user has a configuration file, to be written by the test."""
    folder = tmp_path / "config" / "pip"
    folder.mkdir(parents=True)
    environment = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_CONFIG_DIRS": str(tmp_path)}
    return environment, folder / "pip.conf"


def as_pip_sees(environment, key):
    """The value that pip itself has after reading everything."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    told = subprocess.run(command, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True)
    found = [line.partition("=")[2].strip("'\"") for line in told.stdout.splitlines() if f".{key}=" in line]
    return found[-1] if found else None


def test_file_of_the_user(home):
    environment, path = home
    path.write_text(
        "[global]\nindex-url = https://idx.example.org/simple\ncert = /ca.pem\nproxy = http://p:3128\n"
        "[install]\nclient_cert = /me.pem\n"
    )
    read = read_pip_settings(environment)
    assert read.index_url == as_pip_sees(environment, "index-url") == "https://idx.example.org/simple"
    assert (read.cert, read.client_cert, read.proxy) == ("/ca.pem", "/me.pem", "http://p:3128")


def test_environment_wins_over_files(home):
    environment, path = home
    path.write_text("[global]\nindex-url = https://file.example.org/simple\n")
    environment["PIP_INDEX_URL"] = "https://environment.example.org/simple"
    assert read_pip_settings(environment).index_url == "https://environment.example.org/simple"


def test_named_file_replaces_the_users(home, tmp_path):
    environment, path = home
    path.write_text("[global]\nindex-url = https://user.example.org/simple\nproxy = http://p:1\n")
    named = tmp_path / "named.conf"
    named.write_text("[global]\nindex-url = https://named.example.org/simple\n")
    environment["PIP_CONFIG_FILE"] = str(named)
    read = read_pip_settings(environment)
    assert read.index_url == as_pip_sees(environment, "index-url") == "https://named.example.org/simple"
    assert read.proxy is None


def test_null_device_means_no_file_at_all(home):
    environment, path = home
    path.write_text("[global]\nindex-url = https://user.example.org/simple\n")
    environment["PIP_CONFIG_FILE"] = os.devnull
    assert "user.example.org" not in read_pip_settings(environment).index_url


def test_a_section_of_the_command_wins_over_global_wherever_it_stands(home, tmp_path):
    environment, path = home
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "pip.conf").write_text("[install]\nindex-url = https://install.example.org/simple\n")
    path.write_text("[global]\nindex-url = https://global.example.org/simple\n")
    assert read_pip_settings(environment).index_url == "https://install.example.org/simple"


def test_other_indexes_are_reported_and_not_adopted(home):
    environment, path = home
    path.write_text("[global]\nextra-index-url = https://other.example.org/simple\nfind-links = /wheels\n")
    environment["PIP_TRUSTED_HOST"] = "idx.example.org"
    read = read_pip_settings(environment)
    assert read.ignored == ("extra-index-url", "find-links", "trusted-host")
    assert "other.example.org" not in read.index_url


def test_folder_as_index_is_refused_with_what_to_do(home):
    environment, path = home
    path.write_text("[global]\nindex-url = file:///opt/simple\n")
    with pytest.raises(InvalidConfig, match="--upstream"):
        read_pip_settings(environment).upstream()


def test_broken_file_is_passed_over(home):
    environment, path = home
    path.write_text("index-url = nowhere\n")
    environment["PIP_CERT"] = "/ca.pem"
    assert read_pip_settings(environment).cert == "/ca.pem"


def test_where_nothing_is_configured_it_is_what_the_library_states_without_importing_it(home):
    program = (
        "import os, sys; from affineur.sources.pip_settings import read_pip_settings\n"
        "found = read_pip_settings({'PIP_CONFIG_FILE': os.devnull}).index_url\n"
        "assert 'pypi_simple' not in sys.modules\n"
        "import pypi_simple; assert found == pypi_simple.PYPI_SIMPLE_ENDPOINT, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
