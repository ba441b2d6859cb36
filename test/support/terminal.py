"""Run a command at a terminal of its own, as a person would.

In, on stdin: {"command": [str], "steps": [[expected text, what is typed]]}
Out, on stdout: {"shown": str, "code": int, "echo": bool, "cooked": bool}; the last two tell how the terminal was left.
"""

import json
import os
import pty
import select
import sys
import termios
import time

request = json.load(sys.stdin)
main, side = pty.openpty()
child = os.fork()
if child == 0:
    os.setsid()
    os.close(main)
    for fd in (0, 1, 2):
        os.dup2(side, fd)
    # The terminal that Ctrl-C and job control mean.
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execvp(request["command"][0], request["command"])

shown = b""
deadline = time.time() + 60


def read_on():
    global shown
    ready, _, _ = select.select([main], [], [], 0.2)
    if ready:
        shown += os.read(main, 65536)


seen = 0
for expected, typed in request["steps"]:
    while expected.encode() not in shown[seen:]:
        if time.time() > deadline:
            sys.exit("nobody asked: " + expected)
        read_on()
    seen = len(shown)
    # A terminal takes 4 KB at once.
    data = typed.encode()
    while data:
        data = data[os.write(main, data[:1000]) :]
        select.select([], [main], [])
while True:
    done, status = os.waitpid(child, os.WNOHANG)
    read_on()
    if done:
        break
    if time.time() > deadline:
        sys.exit("it did not end")
flags = termios.tcgetattr(side)[3]
code = os.waitstatus_to_exitcode(status)
json.dump(
    {
        "shown": shown.decode("utf-8", "replace"),
        "code": code,
        "echo": bool(flags & termios.ECHO),
        "cooked": bool(flags & termios.ICANON),
    },
    sys.stdout,
)
