"""A command inside an endpoint: a program of its own, run by path with nothing imported that costs time.

    python -I -S enter.py NETNS_FD HOSTS_FILE PARENT_PID COMMAND …
    python -I -S enter.py --user COMMAND …          root over a user namespace, for those who are not root

A `kill -9` of the emulator leaves nothing behind, not even what a command's shell had started: commands have a
namespace of processes of their own, whose first process ends when who started it ends, and everything in it with that.
So there are three of us: outside, the first inside, and the command; signals sent to the one outside are passed on.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x0002_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x4_0000
PR_SET_PDEATHSIG = 1
NOT_FOUND, NOT_RUNNABLE = 127, 126  # what a shell says of a command that is not there, or may not be run

libc = ctypes.CDLL(None, use_errno=True)


def must(result: int, what: str) -> None:
    """Raise what the C library says when a call failed."""
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def die_with(parent: int) -> None:
    """End by SIGKILL when the parent ends; at once where it ended before we could ask."""
    must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(NOT_RUNNABLE)


def enter(network: int, hosts: str) -> None:
    """Into the network namespace; /etc/hosts is ours in a mount namespace that nobody else sees.

    So is /etc/resolv.conf, where one lies beside our hosts file and this machine has any.
    """
    must(libc.setns(network, CLONE_NEWNET), "setns")
    os.close(network)
    must(libc.unshare(CLONE_NEWNS), "unshare")
    must(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount / private")
    if hosts:
        must(libc.mount(os.fsencode(hosts), b"/etc/hosts", None, MS_BIND, None), "bind /etc/hosts")
        resolver = Path(hosts).with_name("resolv.conf")
        if resolver.exists() and Path("/etc/resolv.conf").exists():
            must(libc.mount(os.fsencode(resolver), b"/etc/resolv.conf", None, MS_BIND, None), "bind /etc/resolv.conf")


def become_root() -> None:
    """User and group 0 of a new user namespace, where this kernel lets anyone make one."""
    uid, gid = os.geteuid(), os.getegid()
    must(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def become_alone(argv: list[str]) -> int:
    """Be the command in a namespace of processes of its own, or without one where the kernel gives none."""
    if libc.unshare(CLONE_NEWPID) != 0:
        return become(argv)
    outside = os.getpid()
    everything = signal.valid_signals()
    signal.pthread_sigmask(signal.SIG_BLOCK, everything)
    lives, held = os.pipe()  # comes to its end with the one outside, whose number nobody inside can know
    if first := os.fork():
        return attend(first)
    os.close(held)
    must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if select.select([lives], [], [], 0)[0]:  # ended before we could ask
        os._exit(NOT_RUNNABLE)
    os.close(lives)
    libc.mount(b"proc", b"/proc", b"proc", 0, None)  # so that ps sees its own; where this is refused, it sees none
    # ping tells its echoes from others' by its process's number: two in one place must not have the same.
    with suppress(OSError):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(outside))
    # The first process of a namespace is deaf to signals that it has no handler for, so the command is its child.
    if command := os.fork():
        os._exit(attend(command))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, everything)
    os._exit(become(argv))


def attend(child: int) -> int:
    """Pass signals on until the child has ended; its exit code, or 128 and its signal's number, as a shell says."""
    while True:
        told = signal.sigwaitinfo(signal.valid_signals())
        if told.si_signo == signal.SIGCHLD:
            pid = 1
            while pid > 0:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == child:
                    code = os.waitstatus_to_exitcode(status)
                    return code if code >= 0 else 128 - code
        elif told.si_code <= 0:  # sent by a process; Ctrl-C, which the kernel sends, the command gets by itself
            os.kill(child, told.si_signo)


def become(argv: list[str]) -> int:
    """Be the command from here on; a code as a shell would give where it cannot be."""
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python; a command expects to be ended by them
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - the command that the user asked for, by its arguments, through no shell
    except FileNotFoundError:
        print(f"{argv[0]}: there is no such command on this machine.", file=sys.stderr)
        return NOT_FOUND
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        return NOT_RUNNABLE


def main(argv: list[str]) -> int:
    """As the head of this file says."""
    if argv[0] == "--user":
        become_root()
        return become(argv[1:])
    die_with(int(argv[2]))
    enter(int(argv[0]), argv[1])
    return become_alone(argv[3:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
