"""Names besides the popular ones that people mean, or that attackers keep imitating."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

IMPORT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "attr": "attrs",
        "bs4": "beautifulsoup4",
        "crypto": "pycryptodome",
        "cv2": "opencv-python",
        "dateutil": "python-dateutil",
        "discord": "discord-py",
        "docx": "python-docx",
        "dotenv": "python-dotenv",
        "fitz": "pymupdf",
        "git": "gitpython",
        "google-protobuf": "protobuf",
        "jose": "python-jose",
        "jwt": "pyjwt",
        "ldap": "python-ldap",
        "magic": "python-magic",
        "mysqldb": "mysqlclient",
        "opencv": "opencv-python",
        "openssl": "pyopenssl",
        "pil": "pillow",
        "pptx": "python-pptx",
        "pytorch": "torch",
        "serial": "pyserial",
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
        "slugify": "python-slugify",
        "telegram": "python-telegram-bot",
        "usb": "pyusb",
        "websocket": "websocket-client",
        "win32api": "pywin32",
        "yaml": "pyyaml",
        "zmq": "pyzmq",
    }
)
"""What a project is imported as or called by everyone, and its name. Names that are popular themselves do not count."""

IMITATED = frozenset(
    {
        # Removed from the public index in 2018 to 2021, by the issues of its tracker and by CERT notices.
        "colorama", "django", "matplotlib", "numpy", "opencv-python", "pyspark", "python-dateutil", "pyyaml",
        "requests", "setuptools", "simplejson", "urllib3", "jellyfish",
        # Clipboard thieves, 451 names, February 2023 (Phylum); 900 names with those before (OSSF malicious-packages).
        "aiohttp", "beautifulsoup4", "bitcoinlib", "ccxt", "cryptocompare", "cryptofeed", "freqtrade", "pandas",
        "pyinstaller", "pygame", "pytorch", "scikit-learn", "scrapy", "selenium", "solana", "tensorflow", "vyper",
        "websockets", "yfinance",
        # Over 500 names in two days, March 2024 (Check Point, Checkmarx, Phylum).
        "bip-utils", "capmonstercloudclient", "customtkinter", "pillow", "playwright", "py-cord", "pygithub",
        # Whole runs of misspellings in public lists of removed names.
        "prompt-toolkit", "progressbar2", "psutil", "pycodestyle", "pycparser", "pycryptodome", "pysocks",
        "python-binance",
    }
)  # fmt: skip
"""Projects whose misspellings have been published again and again: as worth imitating as the best known."""

IMITATED_RANK = 300
"""The rank that counts for them, where their own is lower."""
