# SPDX-License-Identifier: Apache-2.0
"""Running programs from tests: found or the test fails, bounded in time, output shown when they fail."""

import os
import shutil
import signal
import subprocess

# In front of a command line: the process ends when the test run does, even if that is killed.
WITH_US = ["setpriv", "--pdeathsig", "KILL"]


def program(name):
    """The path of a client program. A client that is not installed is a failed test, never a skipped one."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert path, f"{name} is not installed: tools/packages.txt lists what the tests need"
    return path


def run(*command, stdin=b"", timeout=120, check=True, env=None, cwd=None):
    """Runs a program to its end and returns subprocess.CompletedProcess with bytes in stdout and stderr."""
    command = [program(str(command[0]))] + [str(word) for word in command[1:]]
    environment = dict(os.environ, LC_ALL="C.UTF-8", **(env or {}))
    result = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, env=environment, cwd=cwd)
    if check:
        assert result.returncode == 0, failure(command, result)
    return result


def failure(command, result):
    return "{} ended with {}\n{}\n{}".format(
        " ".join(command), result.returncode,
        result.stdout.decode(errors="replace")[-4000:], result.stderr.decode(errors="replace")[-4000:])


def end(process, patience=20):
    """Ends a process that a test started (in a session of its own): politely, then surely, with its children."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
