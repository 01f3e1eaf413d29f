"""What functions of the standard library and of well-known projects do, by their dotted names."""

from __future__ import annotations

import ast
import re

from affineur.standards.startup_code.folding import DECODERS

RUNS_CODE = frozenset({"builtins.exec", "builtins.eval", "code.InteractiveInterpreter().runsource", "runpy.run_path"})
"""Run the text, code object or file that is their first argument."""

PASSES_ON = frozenset(
    {"builtins.compile", "types.FunctionType", "types.CodeType", "io.BytesIO", "io.StringIO", "textwrap.dedent"}
)
"""Give back what they are given, in another shape."""

UNPACKS_CODE = frozenset({"marshal.loads", "marshal.load"})
UNPICKLES = frozenset({"pickle.loads", "pickle.load", "cPickle.loads", "dill.loads", "cloudpickle.loads"})

DECRYPTS = re.compile(r"(?:\.|\A)(?:decrypt|decrypt_and_verify|b64decode|a2b_base64|unhexlify)\Z")
"""Methods and functions of any library that make the hidden visible."""

_PROCESSES = re.compile(
    r"(?:os\.(?:system|popen[234]?|startfile|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?)"
    r"|subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)"
    r"|commands\.(?:getoutput|getstatusoutput)"
    r"|asyncio\.(?:subprocess\.)?create_subprocess_(?:exec|shell)"
    r"|pty\.spawn|distutils\.spawn\.spawn|_winapi\.CreateProcess|_posixsubprocess\.fork_exec"
    r"|ctypes\.windll\.\w+\.(?:ShellExecute\w*|WinExec|CreateProcess\w*|CreateThread|CreateRemoteThread|VirtualAlloc\w*))\Z"
)
_NETWORK = re.compile(
    r"(?:urllib\.request\.(?:urlopen|urlretrieve|build_opener\(\).*|OpenerDirector\(\).*|URLopener\(\).*|FancyURLopener\(\).*)"
    r"|urllib\.(?:urlopen|urlretrieve)|urllib2\.(?:urlopen|build_opener\(\).*)"
    r"|http\.client\.HTTPS?Connection\(\)\..*|httplib\.HTTPS?Connection\(\)\..*"
    r"|(?:requests|httpx|pip\._vendor\.requests)\.(?:get|post|put|patch|head|delete|request|options|stream"
    r"|(?:sessions\.)?(?:Session|session|Client|AsyncClient)\(\)\.[a-z].*)"
    r"|aiohttp\.(?:request|ClientSession\(\)\..*)"
    r"|urllib3\.(?:request|PoolManager\(\)\..*|ProxyManager\(\)\..*)"
    r"|socket\.(?:create_connection|gethostbyname(?:_ex)?|getaddrinfo)"
    r"|socket\.socket\(\)\.(?:connect|connect_ex|send|sendall|sendto)"
    r"|(?:ftplib\.FTP(?:_TLS)?|smtplib\.SMTP(?:_SSL)?|telnetlib\.Telnet|xmlrpc\.client\.ServerProxy|imaplib\.IMAP4(?:_SSL)?)(?:\(\).*)?"
    r"|(?:paramiko\.SSHClient|websocket\.WebSocket|websocket\.WebSocketApp)\(\)\..*|websockets\.connect|dns\.resolver\.(?:query|resolve)"
    r"|wget\.download|setuptools\.ssl_support\..*|distutils\.command\.upload\..*)\Z"
)
_MACHINE = re.compile(
    r"(?:socket\.(?:gethostname|getfqdn)|platform\.(?:node|uname)|getpass\.getuser|os\.(?:getlogin|uname)|uuid\.getnode"
    r"|psutil\.(?:users|net_if_addrs)|pwd\.getpwuid)\Z"
)
WRITES = frozenset({"write", "writelines", "write_text", "write_bytes"})
READS = frozenset({"read", "readline", "readlines", "read_text", "read_bytes"})
OPENS = frozenset(
    {
        "builtins.open", "io.open", "codecs.open", "pathlib.Path", "os.open", "os.listdir", "os.walk", "os.scandir", "glob.glob",
        "shutil.copy", "shutil.copyfile", "shutil.copytree", "sqlite3.connect", "os.path.exists", "os.path.isfile", "os.path.isdir",
        "tokenize.open", "linecache.getlines", "zipfile.ZipFile", "tarfile.open", "os.stat",
    }
)  # fmt: skip
FILES = frozenset(
    {"pkgutil.get_data", "importlib.resources.read_text", "importlib.resources.files", "linecache.getlines"}
)


def starts_process(name: str) -> bool:
    """Whether a function starts another program."""
    return _PROCESSES.match(name) is not None


def uses_network(name: str) -> bool:
    """Whether a function talks to other machines."""
    return _NETWORK.match(name) is not None


def tells_machine(name: str) -> bool:
    """Whether the answer of a function tells this machine or user from others."""
    return _MACHINE.match(name) is not None


def is_known(name: str) -> bool:
    """Whether anything is known of a function."""
    tables = RUNS_CODE | PASSES_ON | UNPACKS_CODE | UNPICKLES | OPENS | FILES | DECODERS.keys()
    return name in tables or starts_process(name) or uses_network(name) or tells_machine(name) or name == "os.environ"


_SECRET_NAMES = re.compile(
    r"TOKEN|SECRET|PASSW|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIAL|AWS_SESSION|GITHUB_(?:PAT|TOKEN)|\ACI_JOB_TOKEN",
    re.IGNORECASE,
)
_SECRET_PATHS = re.compile(
    r"\.ssh(?:[/\\]|\Z)|id_(?:rsa|ed25519|ecdsa)\b|\.aws[/\\](?:credentials|config)|\.netrc\Z|\.pypirc\Z|\.git-credentials|\.npmrc\Z"
    r"|\.docker[/\\]config\.json|\.kube[/\\]config|\.config[/\\]gcloud|application_default_credentials|\.azure[/\\]|\.gnupg"
    r"|\bLogin Data\b|\bLocal State\b|\bCookies\Z|logins\.json|key[34]\.db\b|\bleveldb\b|wallet\.dat|\.electrum|\bexodus\b|MetaMask"
    r"|/etc/shadow\b|\.bash_history|\.zsh_history|\.config[/\\]gh[/\\]hosts|\.vault-token|\.databrickscfg|/var/run/secrets/",
    re.IGNORECASE,
)
_LASTING = re.compile(
    r"\.(?:bashrc|zshrc|bash_profile|zprofile|profile|xinitrc)\Z|\bcrontab\b|/etc/(?:cron|rc\.local|systemd|init\.d)|LaunchAgents|LaunchDaemons"
    r"|\.config[/\\](?:systemd|autostart)|CurrentVersion\\+Run|Start Menu\\+Programs\\+Startup|\bschtasks\b|authorized_keys",
    re.IGNORECASE,
)


def is_secret_name(text: str) -> bool:
    """Whether an environment variable of this name holds a credential."""
    return _SECRET_NAMES.search(text) is not None


def is_secret_path(text: str) -> bool:
    """Whether a path leads to credentials."""
    return len(text) < 1000 and _SECRET_PATHS.search(text) is not None


def is_lasting(text: str) -> bool:
    """Whether a path or command makes something run again later."""
    return len(text) < 1000 and _LASTING.search(text) is not None


_DROPS = re.compile(
    r"discord(?:app)?\.com/api/webhooks|api\.telegram\.org|hooks\.slack\.com|pastebin\.com/raw|paste\.ee|hastebin|rentry\.(?:co|org)"
    r"|webhook\.site|requestbin|pipedream\.net|oast\.(?:pro|live|site|online|fun|me)|oastify\.com|burpcollaborator|interact\.sh"
    r"|ngrok(?:-free)?\.(?:io|app|dev)|trycloudflare\.com|transfer\.sh|file\.io/|anonfiles|gofile\.io|canarytokens|dnslog\.|ipinfo\.io"
    r"|api\.ipify\.org|ifconfig\.me|\.onion\b|beeceptor\.com|requestcatcher\.com|cdn\.discordapp\.com/attachments",
    re.IGNORECASE,
)
_BARE_ADDRESS = re.compile(r"\b(?:https?|ftp|tcp)://(?:[^/@\s]*@)?(\d{1,3}(?:\.\d{1,3}){3})\b")
_PRIVATE = re.compile(r"(?:127|10|0)\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.")


def is_drop(text: str) -> bool:
    """Whether an address is one of those where stolen data and second stages usually lie."""
    bare = _BARE_ADDRESS.search(text[:2000])
    return _DROPS.search(text[:2000]) is not None or (bare is not None and _PRIVATE.match(bare[1]) is None)


_FETCH_AND_RUN = re.compile(
    r"(?:curl|wget)\b[^\n|;&]{0,300}\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b"
    r"|(?:curl|wget)\b[^\n]{0,300}(?:&&|;)[^\n]{0,200}(?:chmod \+?[0-7x]+|bash |sh |\./|\w\.(?:exe|bat|ps1|vbs)\b|python)"
    r"|(?:ba|z)?sh\s+-c\s+[\"']?\$\((?:curl|wget)|(?:ba)?sh\s+<\(\s*(?:curl|wget)"
    r"|powershell[^\n]{0,200}\s-(?:e|en|enc|enco|encodedcommand|w(?:indowstyle)?\s+hidden)\b"
    r"|\bIEX\b|Invoke-(?:Expression|WebRequest)|DownloadString|DownloadFile"
    r"|/dev/(?:tcp|udp)/|\bnc(?:at)?\b[^\n]{0,80}\s-[a-z]*e\b|\bbash\s+-i\b|base64\s+(?:-d|--decode)\b|\bmshta\b|bitsadmin|certutil[^\n]{0,80}-(?:urlcache|decode)",
    re.IGNORECASE,
)
_TOOLS = re.compile(
    r"(?:\S*[/\\])?(?:git|hg|svn|bzr|cmake|c?make|gmake|ninja|meson|pkg-?config|\S*-config|gcc|g\+\+|cc|c\+\+|clang|clang\+\+|cl|ld|ldd|ldconfig"
    r"|sw_vers|uname|xcrun|xcode-select|nvcc|nvidia-smi|rustc|cargo|go|node|npm|yarn|swig|cython|protoc|which|where|whereis|sysctl|arch|dpkg\S*"
    r"|lscpu|brew|sphinx-build|pandoc|python[\d.]*|py|pip\d?|uv|tox|pytest|patch|autoreconf|autogen\.sh|\./configure|\./autogen\.sh|libtoolize"
    r"|tar|install_name_tool|patchelf|otool|file|nm|strip|java|javac|mvn|hipconfig|rocminfo|lsb_release|locale|tput|stty)(?:\.exe)?(?=\s|\Z)",
    re.IGNORECASE,
)
_ASKS_MACHINE = re.compile(r"\s*(?:whoami|hostname|id|ifconfig|ipconfig|uname -a|systeminfo|env|printenv|ip a\w*)\b")


def fetches_and_runs(command: str) -> bool:
    """Whether a command line fetches a program and runs it, or opens a shell to elsewhere."""
    return _FETCH_AND_RUN.search(command[:20_000]) is not None


def asks_machine(command: str) -> bool:
    """Whether the output of a command tells this machine or user from others."""
    return _ASKS_MACHINE.match(command) is not None


def is_build_tool(command: str) -> bool:
    """Whether a command line starts a program that ordinary builds start."""
    return _TOOLS.match(command.lstrip()) is not None


DECODING_AS_TEXT = re.compile(
    r"(?:exec|eval)\s*\(.{0,200}(?:b64decode|a85decode|b85decode|unhexlify|fromhex|decompress|marshal\.loads|rot_?13|decrypt|urlopen|requests\.get)"
    r"|__import__\s*\(\s*['\"](?:base64|marshal|zlib)['\"]\s*\).{0,200}(?:exec|eval)\s*\(",
    re.DOTALL,
)
"""Decoding and running beside each other, for code that cannot be parsed."""


def looks_like_code(text: str) -> bool:
    """Whether a text is a Python program that does something, and not data that happens to parse."""
    if len(text) < 12 or len(text) > 2**20 or _DOES_SOMETHING.search(text) is None:
        return False
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.Import | ast.ImportFrom | ast.Call) for node in ast.walk(tree))


_DOES_SOMETHING = re.compile(
    r"\bimport\s+\w|__import__|\bexec\s*\(|\beval\s*\(|\bos\.system|\bsubprocess\b|\burlopen\b|\brequests\b"
)
