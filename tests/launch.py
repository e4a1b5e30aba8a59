"""Becomes another program that cannot outlive the process that started it: `launch.py PARENT UID:GID PROGRAM ARGS…`.

A test run that is killed (kill -9 included) runs no fixture's end; on Linux the kernel interrupts the servers instead.
A program of its own rather than `preexec_fn`, which may not be used once the test run has threads. Only the standard
library: this is started for every server.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, user, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if user:
        uid, gid = map(int, user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            sys.exit("The process that asked for this server is gone.")
    os.execv(program[0], program)


main()
