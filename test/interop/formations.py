"""Reads and writes a formation's files with Python's `cryptography`, as MUXI's runtime does.

    formations.py read FOLDER…    on stdout, {folder: {name: value}}
    formations.py write FOLDER    makes .key and secrets.enc of the values on stdin, in their order
"""

import json
import os
import sys

from cryptography.fernet import Fernet


def fernet(folder):
    with open(os.path.join(folder, ".key"), "rb") as file:
        return Fernet(file.read())


def read(folder):
    with open(os.path.join(folder, "secrets.enc"), "rb") as file:
        return json.loads(fernet(folder).decrypt(file.read()).decode("utf-8"))


def write(folder, values):
    with open(os.path.join(folder, ".key"), "wb") as file:
        file.write(Fernet.generate_key())
    with open(os.path.join(folder, "secrets.enc"), "wb") as file:
        file.write(fernet(folder).encrypt(json.dumps(values, indent=2).encode("utf-8")))


if sys.argv[1] == "read":
    json.dump({folder: read(folder) for folder in sys.argv[2:]}, sys.stdout)
else:
    write(sys.argv[2], json.load(sys.stdin))
