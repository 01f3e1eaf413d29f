"""Locks over HTTP, what is in them, and platforms of wheels."""

import re

import requests

LINUX, WINDOWS, MAC = "manylinux_2_17_x86_64", "win_amd64", "macosx_11_0_arm64"


def post(affineur, token, text="fondue\n", name="requirements.in", **fields):
    body = {"files": [{"name": name, "text": text}], "index": "main", **fields}
    return requests.post(
        f"{affineur.url}/api/v1/lock", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )


def pins(text):
    return dict(re.findall(r"^([a-z-]+)==(\S+)", text, re.MULTILINE))
