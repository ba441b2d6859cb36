"""Reads and makes tokens with Python's `cryptography`, from nothing but the published description.

In, on stdin: {"cases": [{"key": hex, "token": str}], "canonical": {"hkdf": ..., "cases": [{"key": hex, "plaintext": str}]}}
Out, on stdout: {"opened": [str or null], "canonical": [str]}
"""

import base64
import json
import sys

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def fernet(raw):
    return Fernet(base64.urlsafe_b64encode(raw))


def opened(case):
    try:
        return fernet(bytes.fromhex(case["key"])).decrypt(case["token"].encode()).decode("utf-8")
    except InvalidToken:
        return None


def canonical(case, description):
    raw = bytes.fromhex(case["key"])
    plaintext = case["plaintext"].encode("utf-8")
    iv_key = HKDF(
        algorithm=hashes.SHA256(),
        length=description["hkdf"]["length"],
        salt=description["hkdf"]["salt"].encode("utf-8"),
        info=description["hkdf"]["ivInfo"].encode("utf-8"),
    ).derive(raw)
    mac = hmac.HMAC(iv_key, hashes.SHA256())
    mac.update(description["ivSeparator"].encode("utf-8"))
    mac.update(plaintext)
    iv = mac.finalize()[:16]
    return fernet(raw)._encrypt_from_parts(plaintext, 0, iv).decode("ascii")


request = json.load(sys.stdin)
json.dump(
    {
        "opened": [opened(case) for case in request["cases"]],
        "canonical": [canonical(case, request["canonical"]) for case in request["canonical"]["cases"]],
    },
    sys.stdout,
)
