"""Endpoints in namespaces of their own, and nothing left of them."""

import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from devices import needs, needs_devices

from openleo.emulator import namespaces
from openleo.emulator.namespaces import allow_files, as_root, available, endpoints
from openleo.errors import InputError


@needs_devices
def test_addresses_and_routes_stand_inside_and_nowhere_else(tmp_path):
    (tmp_path / "hosts").write_text("10.200.0.1 Manila\n")
    outside = Path("/proc/net/dev").read_text()
    with endpoints(2, 1) as ends:
        ends.hosts = tmp_path / "hosts"
        look = "cat /proc/net/dev /proc/net/route /proc/net/if_inet6 /etc/hosts"
        seen = ends.run("terminal", 1, ["sh", "-c", look], stdout=subprocess.PIPE, text=True).communicate()[0]
        assert "leo0" in seen
        assert "Manila" in seen
        assert "fd6f6c656f0000010000000000000002" in seen
        assert re.search(r"leo0\s+00000000", seen), "a default route"
        assert len(ends.terminal_tun) == 2
        assert len(ends.pop_tun) == 1
        assert Path(ends.namespace_path("pop", 0)).readlink() != Path("/proc/self/ns/net").readlink()
        assert Path("/proc/net/dev").read_text().count(":") == outside.count(":")
    assert "Manila" not in Path("/etc/hosts").read_text()


@needs_devices
def test_a_socket_is_opened_inside():
    with endpoints(1, 1) as ends, ends.socket("terminal", 0, 2, 2) as inside:
        inside.bind(("100.64.0.1", 0))  # an address that only the namespace has
        assert inside.getsockname()[0] == "100.64.0.1"


@needs_devices
def test_a_command_that_is_not_there_is_said_and_told_by_its_code():
    with endpoints(1, 1) as ends:
        command = ends.run("terminal", 0, ["no-such-command"], stderr=subprocess.PIPE, text=True)
        assert "no-such-command: there is no such command" in command.communicate()[1]
        assert command.returncode == 127


@needs_devices
def test_leaving_ends_what_still_runs():
    with endpoints(1, 1) as ends:
        command = ends.run("terminal", 0, ["sleep", "60"])
    assert command.returncode == -9


@needs_devices
def test_a_signal_reaches_the_command_itself():
    with endpoints(1, 1) as ends:
        command = ends.run(
            "pop", 0, ["sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done"], stdout=-1
        )
        assert command.stdout.readline() == b"up\n"
        command.terminate()
        assert command.wait(5) == 7
        command.stdout.close()


@needs_devices
def test_two_sets_side_by_side_have_the_same_addresses():
    with endpoints(1, 1) as one, endpoints(1, 1) as two:
        assert one.namespace_path("pop", 0) != two.namespace_path("pop", 0)
        for each in (one, two):
            assert each.run("pop", 0, ["grep", "-q", "leo0", "/proc/net/dev"]).wait() == 0


@pytest.mark.slow
@needs_devices
def test_200_terminals_stand_and_go_soon_enough():
    """How soon is for `make bench` to say; here, on a machine that does other work, that nothing waits for long."""
    began = time.monotonic()
    with endpoints(200, 2) as ends:
        assert len(ends.terminal_tun) == 200
        assert ends.run("terminal", 199, ["grep", "-q", "leo0", "/proc/net/dev"]).wait() == 0
        assert time.monotonic() - began < 30.0
        left = time.monotonic()
    assert time.monotonic() - left < 2.0, "devices go by themselves, not one after another while we wait"


def test_too_few_files_are_raised_or_explained():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        allow_files(257)
        raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert 257 < raised <= 257 + 200, "beside what is open, and no further: commands inherit it"
        allow_files(1)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == raised, "never lowered"
        with pytest.raises(InputError, match="open files, and this process may have"):
            allow_files(hard + 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_device_is_said_with_a_way_out(monkeypatch, tmp_path):
    monkeypatch.setattr(namespaces, "DEVICE", tmp_path / "tun")
    found = available()
    assert not found.ok
    assert "has no TUN devices" in found.reason
    assert "--device /dev/net/tun" in found.way_out


@pytest.mark.parametrize(("module", "package"), [("pyroute2", "pyroute2"), ("dns", "dnspython")])
def test_a_package_that_is_not_there_is_said_with_a_way_out(monkeypatch, module, package):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == module else name)
    assert package in available().reason
    assert "openleo[emulate]" in available().way_out


@needs_devices
def test_who_is_not_root_is_told_so(monkeypatch):
    def refused(vnet):
        raise PermissionError

    monkeypatch.setattr(namespaces, "_open_tun", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = available()
    assert (found.ok, found.way) == (False, "")
    assert "Only root may open /dev/net/tun" in found.reason


@needs("setpriv")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_nobody_becomes_root_of_a_namespace_where_the_kernel_lets_him():
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    if subprocess.run([*nobody, "unshare", "--user", "true"], capture_output=True).returncode != 0:
        pytest.skip("this kernel lets nobody but root make a namespace")
    inside = [*nobody, *as_root(), "id", "-u"]
    assert subprocess.run(inside, capture_output=True, text=True).stdout == "0\n"


LEAVES = """
import sys, time
from openleo.emulator.namespaces import endpoints
ends = endpoints(5, 2)
held = [ends.run("terminal", 0, ["sh", "-c", "sleep 97531 & sleep 97532"])]
print("up", flush=True)
time.sleep(60)
"""


@needs_devices
@pytest.mark.slow
def test_kill_9_leaves_no_process():
    with subprocess.Popen([sys.executable, "-c", LEAVES], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"up\n"
        until = time.monotonic() + 5
        while len([line for line in all_commands() if line.startswith("sleep 9753")]) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert time.monotonic() < until
        parent.kill()
    until = time.monotonic() + 15
    while (left := [line for line in all_commands() if "9753" in line]) and time.monotonic() < until:
        time.sleep(0.2)
    assert left == []


def all_commands():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
