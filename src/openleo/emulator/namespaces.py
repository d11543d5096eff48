"""Where endpoints live: anonymous network namespaces, each with one TUN device. The only file that asks the kernel.

Takes how many terminals and PoPs; gives Endpoints: the TUN devices' file descriptors for the engine, and a way to run
commands and open sockets inside. No namespace has a name: nothing stands in /run/netns, two runs cannot meet, and when
this process ends, however it ends, the kernel takes all of it away. (`enter.py` is the program that steps inside.)
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import os
import resource
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Literal, TypeVar

from openleo.emulator.packets import POP_RANGES, PUBLIC_RANGE, TERMINAL_RANGES, pop_addresses, terminal_addresses
from openleo.errors import InputError, Problem

Kind = Literal["terminal", "pop"]
T = TypeVar("T")

PACKAGES = {"pyroute2": "pyroute2", "dnspython": "dns"}
DEVICE = Path("/dev/net/tun")
INTERFACE = "leo0"
MTU = 1500
QUEUE_PACKETS = 4000  # between a kernel and the engine: with 1000, bursts of one TCP at 400 Mbit/s were lost there
FILES_EACH = 4  # of an endpoint: its namespace, its device, and a name server's two sockets
SPARE_FILES = 200  # what the rest of the program may open
ENTER = Path(__file__).with_name("enter.py")

CLONE_NEWNET = 0x4000_0000
TUNSETPERSIST, TUNSETIFF, TUNSETOFFLOAD = 0x400454CB, 0x400454CA, 0x400454D0  # linux/if_tun.h
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6 = 0x01, 0x02, 0x04, 0x20, 0x40
LOOPBACK_INDEX = 1
SENT_DROP = 11  # of the numbers in a line of /proc/net/dev

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Finding:
    """Whether this machine can emulate: `ok` at once, or `way` "user namespace": again through `as_root`."""

    ok: bool
    way: str  # "root", "user namespace" or ""
    reason: str
    way_out: str = ""

    def __str__(self) -> str:
        return f"{self.reason} {self.way_out}".strip()


def available() -> Finding:
    """Try it: a namespace with a TUN device in it, which is gone when this returns."""
    if not sys.platform.startswith("linux"):
        return Finding(
            False, "", "The emulator needs Linux: network namespaces and TUN devices.", "Try a virtual machine."
        )
    for package, module in PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            return Finding(False, "", f"The package {package} is not installed.", "Try: pip install 'openleo[emulate]'")
    if not DEVICE.exists():
        return Finding(
            False,
            "",
            f"There is no {DEVICE}: this kernel, or this container, has no TUN devices.",
            "Try: modprobe tun; for a container, --device /dev/net/tun --cap-add NET_ADMIN --cap-add SYS_ADMIN.",
        )
    try:
        probe()
    except PermissionError:
        return _rootless()
    except OSError as error:
        return Finding(False, "", f"The kernel refused a TUN device in a network namespace: {error}.", "Try as root.")
    return Finding(True, "root", f"{DEVICE} and network namespaces can be used.")


def probe() -> None:
    """Make a TUN device in a network namespace. Raises OSError where this process may not."""
    _in_new_namespace(lambda _: os.close(_open_tun(vnet=False)))


def _rootless() -> Finding:
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return Finding(False, "", f"Only root may open {DEVICE} here.", f"Try as root, or once: chmod 0666 {DEVICE}")
    tried = "from openleo.emulator.namespaces import probe; probe()"
    inside = subprocess.run([*as_root(), sys.executable, "-P", "-c", tried], capture_output=True, text=True)  # noqa: S603 - our own program
    if inside.returncode == 0:
        return Finding(False, "user namespace", f"{DEVICE} can be used through a user namespace.")
    last = (inside.stderr.strip().splitlines() or [""])[-1]
    return Finding(
        False,
        "",
        f"Nobody but root may make a network namespace with a TUN device here ({last}).",
        "Try as root, or: sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000, and on Ubuntu "
        "kernel.apparmor_restrict_unprivileged_userns=0",
    )


def as_root() -> list[str]:
    """What stands before a command that is to run as root of a user namespace of its own."""
    return [sys.executable, "-I", "-S", str(ENTER), "--user"]


class Endpoints:
    """Terminals and PoPs, each in its namespace with a TUN device, its addresses and routes. Made by `endpoints`.

    `terminal_tun` and `pop_tun` are what the engine reads and writes. A context manager: leaving it ends the commands
    that still run and lets the namespaces go.
    """

    def __init__(self, terminals: int, pops: int, mtu: int, vnet: bool) -> None:
        self.mtu, self.vnet = mtu, vnet
        self.hosts: Path | None = None  # bound over /etc/hosts in what `run` starts, once its caller has set it
        self._namespace: dict[Kind, list[int]] = {"terminal": [], "pop": []}
        self._tun: dict[Kind, list[int]] = {"terminal": [], "pop": []}
        self._commands: list[subprocess.Popen[Any]] = []
        # Children end with the *thread* that forked them (prctl(2), PR_SET_PDEATHSIG): this one lives as long as we.
        self._hands = ThreadPoolExecutor(1, "endpoints")
        allow_files(FILES_EACH * (terminals + pops) + SPARE_FILES)
        try:
            for i in range(terminals):
                self._add("terminal", terminal_addresses(i), ["0.0.0.0/0", "::/0"])
            for j in range(pops):
                self._add("pop", pop_addresses(j), [*TERMINAL_RANGES, *POP_RANGES, PUBLIC_RANGE])
        except BaseException:
            self.close()
            raise

    @property
    def terminal_tun(self) -> list[int]:
        return self._tun["terminal"]

    @property
    def pop_tun(self) -> list[int]:
        return self._tun["pop"]

    def namespace_path(self, kind: Kind, n: int) -> str:
        """For `nsenter --net=PATH`, as long as this process lives."""
        return f"/proc/{os.getpid()}/fd/{self._namespace[kind][n]}"

    def run(self, kind: Kind, n: int, argv: Sequence[str], **popen: Any) -> subprocess.Popen[Any]:
        """Start a command inside. It ends with this process, or with these endpoints."""
        fd = self._namespace[kind][n]
        hosts = str(self.hosts.resolve()) if self.hosts else ""
        enter = [sys.executable, "-I", "-S", str(ENTER), str(fd), hosts, str(os.getpid()), *argv]
        popen["pass_fds"] = (fd, *popen.get("pass_fds", ()))
        command = self.begin(enter, **popen)
        self._commands.append(command)
        return command

    def begin(self, argv: Sequence[str], **popen: Any) -> subprocess.Popen[Any]:
        """Start a process outside, from the thread that lives as long as these endpoints."""
        return self._hands.submit(lambda: subprocess.Popen(argv, **popen)).result()  # noqa: S603 - the user's

    def inside(self, kind: Kind, n: int, what: Callable[[], T]) -> T:
        """What a function gives when it is called in the namespace, in a thread of its own."""

        def there() -> T:
            _step_into(self._namespace[kind][n])
            return what()

        return in_thread(there)

    def unread(self) -> list[int]:
        """Packets until now that found the queue of their sender's device full, which the engine never saw.

        One number for each endpoint, terminals first.
        """

        def there() -> list[int]:
            found = []
            for namespace in (*self._namespace["terminal"], *self._namespace["pop"]):
                _step_into(namespace)
                found.append(dropped(Path("/proc/thread-self/net/dev").read_text()))
            return found

        return in_thread(there)

    def socket(self, kind: Kind, n: int, family: int, type_: int, proto: int = 0) -> socket.socket:
        """A socket that lives inside while its user stays outside."""
        return self.inside(kind, n, lambda: socket.socket(family, type_, proto))

    def close(self) -> None:
        for command in self._commands:
            if command.poll() is None:
                command.kill()
                command.wait()
        for fd in (fd for files in (self._tun, self._namespace) for each in files.values() for fd in each):
            os.close(fd)
        self._tun, self._namespace = {"terminal": [], "pop": []}, {"terminal": [], "pop": []}
        self._hands.shutdown()

    def __enter__(self) -> Endpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(self, kind: Kind, addresses: Sequence[IPv4Address | IPv6Address], routes: Sequence[str]) -> None:
        def made(namespace: int) -> tuple[int, int]:
            tun = _open_tun(self.vnet)
            try:
                _configure(addresses, routes, self.mtu)
            except BaseException:
                os.close(tun)
                raise
            return os.dup(namespace), tun

        namespace, tun = _in_new_namespace(made)
        self._namespace[kind].append(namespace)
        self._tun[kind].append(tun)


def endpoints(terminals: int, pops: int, mtu: int = MTU, vnet: bool = False) -> Endpoints:
    """All endpoints of a run. `vnet`: super-packets (VNET_HDR), for throughput; a drop then takes all of one."""
    return Endpoints(terminals, pops, mtu, vnet)


def allow_files(needed: int) -> None:
    """Raise the limit of open files by what is needed beside those that are open, or say that it cannot be.

    No further: commands inherit it, and one that uses select(2) has room for 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed += sum(1 for _ in Path("/proc/self/fd").iterdir())
    if hard != resource.RLIM_INFINITY and hard < needed:
        rule = f"so many endpoints need {needed:,} open files, and this process may have {hard:,}."
        raise InputError(Problem("emulate", "", rule, f"Try fewer terminals, or as root: ulimit -n {needed}"))
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def dropped(devices: str) -> int:
    """What the TUN device of a namespace dropped before anybody read it, by the text of its /proc/net/dev.

    >>> dropped("  leo0:  84 1 0 0 0 0 0 0  168 2 0 7 0 0 0 0")   # received: 8 numbers; sent: bytes packets errs drop …
    7
    """
    of_device = next(line for line in devices.splitlines() if line.strip().startswith(f"{INTERFACE}:"))
    return int(of_device.partition(":")[2].split()[SENT_DROP])


def _step_into(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")


def _in_new_namespace(what: Callable[[int], T]) -> T:
    """What a function gives when it is called in a new, nameless network namespace, told that one's descriptor."""

    def there() -> T:
        if _libc.unshare(CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"unshare: {os.strerror(number)}")
        namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return what(namespace)
        finally:
            os.close(namespace)

    return in_thread(there)


def in_thread(what: Callable[[], T]) -> T:
    """Call in a thread that ends with the call: a namespace is a thread's, and the others stay where they are."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(what).result()


def _open_tun(vnet: bool) -> int:
    tun = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        flags = IFF_TUN | IFF_NO_PI | (IFF_VNET_HDR if vnet else 0)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", INTERFACE.encode(), flags))
        if vnet:
            whole = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
            try:
                fcntl.ioctl(tun, TUNSETOFFLOAD, whole | TUN_F_USO4 | TUN_F_USO6)
            except OSError:  # kernels before 6.2 know no UDP super-packets
                fcntl.ioctl(tun, TUNSETOFFLOAD, whole)
        # A device that ends with its descriptor is taken down while we wait, 20 ms each; one that ends with its
        # namespace, by the kernel in its own time, all of them together (200: 7 ms instead of 4 s).
        fcntl.ioctl(tun, TUNSETPERSIST, 1)
    except BaseException:
        os.close(tun)
        raise
    return tun


def _configure(addresses: Sequence[IPv4Address | IPv6Address], routes: Sequence[str], mtu: int) -> None:
    """Addresses and routes of the device, in the namespace of the thread that calls."""
    from pyroute2 import IPRoute

    # No link-local address and so no router solicitations: nobody at the other end would answer. Where /proc/sys may
    # not be written, they are sent and dropped.
    with suppress(OSError):
        Path(f"/proc/sys/net/ipv6/conf/{INTERFACE}/addr_gen_mode").write_text("1")
    with IPRoute() as netlink:
        device = netlink.link_lookup(ifname=INTERFACE)[0]
        netlink.link("set", index=LOOPBACK_INDEX, state="up")
        netlink.link("set", index=device, state="up", mtu=mtu, txqlen=QUEUE_PACKETS)
        for address in addresses:
            netlink.addr("add", index=device, address=str(address), prefixlen=address.max_prefixlen)
        for route in routes:
            version = socket.AF_INET6 if ":" in route else socket.AF_INET
            # Not dst="default", which the kernel refuses with EOPNOTSUPP as pyroute2 writes it.
            netlink.route("add", dst=route, oif=device, family=version)
