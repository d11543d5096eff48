"""A controller from an empty folder to a restored backup, as its people would do it: `make demo-controller`.

    serve ─► genesis, signed by its founders ─► 200 terminals ─► nobody is served ─► rules approved ─► leases
          ─► an account suspended by an approved change ─► reinstated ─► the ledger checked ─► backup, restored

Everything is done by the command line, by HTTP on loopback, and by `ssh-keygen`, in a folder of its own; every command
and every request is printed. Fails where any step answers otherwise than it should.
"""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
from parties import OPENLEO, ROOT, Stage, say, shown

SCENARIO = ROOT / "examples" / "controller.toml"
OUT = ROOT / "out" / "controller"
STAGE = Stage(OUT, {"operator": ("operator-1", "operator-2"), "regulator:TWN": ("regulator-1", "regulator-2")})
QUORUM = "all(1 of operator, 1 of regulator:TWN)"
ORIGIN = "example.org/openleo"
SLOT_S = 5.0
TERMINALS, ACCOUNTS = 200, 4
EACH = TERMINALS // ACCOUNTS
RULES = """schema = 1
book = "operator"

[[rule]]
id = "twn-1"
effect = "permit"
territory = { in = "TWN", include = ["kinmen", "matsu"] }
reason = "licensed, as an example"
"""
REACH_SLOTS = 12  # over which an effect is computed: a minute of this scenario
SUMMARY, TILE = b"enforcement.summary", 256
openleo = STAGE.openleo


def check(holds: object, otherwise: str) -> None:
    """Leaves the programme where something is not as it should be."""
    if not holds:
        sys.exit(f"not as it should be: {otherwise}")


def wait(what: Callable[[], Any], within_s: float, otherwise: str) -> Any:
    """What a call gives once it is something."""
    ends = time.monotonic() + within_s
    while time.monotonic() < ends:
        if found := what():
            return found
        time.sleep(0.2)
    return sys.exit(f"not as it should be after {within_s:g} s: {otherwise}")


# --- processes ------------------------------------------------------------------------------------------------------


@dataclass
class Process:
    """A command that goes on beside; what it prints is in a file."""

    words: tuple[str | Path, ...]
    log: Path
    running: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        print(f"$ {shown(self.words)} &", flush=True)
        with self.log.open("wb") as out:
            self.running = subprocess.Popen(
                [str(word) for word in self.words], cwd=OUT, stdout=out, stderr=subprocess.STDOUT
            )

    def line(self, pattern: str) -> str:
        """The first group of the first line that matches; empty where there is none. Leaves where it has ended."""
        found = re.search(pattern, self.log.read_text(errors="replace"), re.MULTILINE)
        if found is None and self.running.poll() is not None:
            sys.exit(f"{shown(self.words)} ended with {self.running.returncode}:\n{self.log.read_text()}")
        return found[1] if found else ""

    def stop(self) -> int:
        """As systemd stops it."""
        if self.running.poll() is None:
            self.running.send_signal(signal.SIGTERM)
        try:
            return self.running.wait(30)
        except subprocess.TimeoutExpired:
            self.running.kill()
            return self.running.wait()


LOOK = re.compile(r"^\d\d:\d\d:\d\dZ  held ([\d,]+)  refused ([\d,]+)(?: \((.*)\))?  lapsed ([\d,]+)")


@dataclass
class Fleet:
    """The simulated terminals; `told`: how many of its lines were shown."""

    process: Process
    told: int = 0

    def until(self, held: int, refused: int, slots: int, what: str) -> str:
        """Slots pass, each shown, until so many hold a lease and so many are refused; gives the reasons."""
        for _ in range(slots):
            line = wait(self._next, 3 * SLOT_S, "the fleet says nothing")
            print(f"  {line}", flush=True)
            found = LOOK.match(line)
            if found and [int(found[1].replace(",", "")), int(found[2].replace(",", ""))] == [held, refused]:
                return found[3] or ""
        return sys.exit(f"not as it should be: {what}")

    def skip(self) -> None:
        """What was said so far is of before."""
        self.told = len(self._lines())

    def _lines(self) -> list[str]:
        return [line for line in self.process.log.read_text().splitlines() if LOOK.match(line)]

    def _next(self) -> str:
        lines = self._lines()
        if len(lines) <= self.told:
            return ""
        self.told += 1
        return lines[self.told - 1]


# --- HTTP -----------------------------------------------------------------------------------------------------------


@dataclass
class Api:
    """Requests with a token; each is printed."""

    client: httpx.Client
    token: str

    def ask(self, method: str, path: str, body: Any = None, expect: int = 200) -> httpx.Response:
        said = json.dumps(body) if body is not None else ""
        print(f"> {method} {path} {said if len(said) < 300 else said[:297] + '...'}", flush=True)
        answer = self.client.request(method, path, json=body, headers={"Authorization": f"Bearer {self.token}"})
        if answer.status_code != expect:
            sys.exit(f"answered {answer.status_code}, and {expect} was expected: {answer.text}")
        return answer

    def job(self, path: str, body: Any = None) -> dict[str, Any]:
        """Something that takes long: begun, and waited for."""
        where = self.ask("POST", path, body, expect=202).json()["location"]

        def ended() -> Any:
            said = self.client.get(where, headers={"Authorization": f"Bearer {self.token}"}).json()
            return said if said["state"] in ("done", "failed") else None

        said = wait(ended, 120.0, f"{where} does not end")
        check(said["state"] == "done", f"{where}: {said['problem']}")
        result: dict[str, Any] = said["result"]
        return result

    def change(self, body: dict[str, Any]) -> float:
        """Proposed, signed by two parties, activated; gives when it took effect."""
        asked = {"requester": "operator-1", "on_behalf_of": "operator", "legal_reference": "an example"} | body
        id_ = self.job("/v1/changes", asked)["change"]
        say("Before two parties have signed, the answer is no; no token can sign for them")
        self.refused(f"/v1/changes/{id_}/activate")
        say("An officer of each party reads what is to be signed, and signs with their own key")
        for officer in ("operator-2", "regulator-1"):
            (OUT / "to-sign.json").write_bytes(self.ask("GET", f"/v1/changes/{id_}/to-sign").content)
            signature = STAGE.sign(officer, "to-sign.json").read_text()
            self.ask("POST", f"/v1/changes/{id_}/approvals", {"officer": officer, "signature": signature}, expect=201)
        made = self.job(f"/v1/changes/{id_}/activate")
        print(f"  in effect by entry {made['entry']} of the ledger; {'; '.join(made['warnings'])}")
        return time.monotonic()

    def refused(self, path: str) -> None:
        """What is begun, and comes to a no."""
        where = self.ask("POST", path, expect=202).json()["location"]
        headers = {"Authorization": f"Bearer {self.token}"}
        said = wait(lambda: self.client.get(where, headers=headers).json()["problem"], 30.0, "it was not refused")
        print(f"  no: {said['detail']}")


# --- the steps ------------------------------------------------------------------------------------------------------


def served() -> tuple[Process, httpx.Client, Api]:
    say("A controller starts on an empty folder, and prints a token that can draft a genesis, and nothing else")
    server = Process((OPENLEO, "serve", SCENARIO, "--data", "data", "--port", "0"), OUT / "serve.log")
    url = wait(lambda: server.line(r"^(http://\S+)"), 300.0, "the controller does not listen")
    token = wait(lambda: server.line(r"^administrator token, shown once: (\S+)"), 10.0, "there is no token")
    print(f"{url}\nadministrator token, shown once: {token[:6]}...")
    return server, httpx.Client(base_url=url, timeout=30.0), Api(httpx.Client(base_url=url, timeout=30.0), token)


def found(administrator: Api) -> None:
    say("Officers make their keys; the genesis is drafted with the token, and signed by every founder")
    STAGE.make_keys()
    (OUT / "roster.toml").write_text(STAGE.roster(QUORUM, requests="named"))
    roster = tomllib.loads((OUT / "roster.toml").read_text())
    draft = administrator.ask("POST", "/v1/genesis/draft", {"origin": ORIGIN, "roster": roster}).json()
    (OUT / "genesis.json").write_bytes(base64.b64decode(draft["to_sign"]))
    signed = [{"officer": one, "signature": STAGE.sign(one, "genesis.json").read_text()} for one in STAGE.officers]
    made = administrator.ask("POST", "/v1/genesis", {"signatures": signed}, expect=201).json()
    print(f"  genesis {made['genesis']}: to be pinned by everybody")
    print("".join(f"  warning: {one}\n" for one in made["warnings"]), end="")
    say("The token is spent")
    administrator.ask("POST", "/v1/genesis/draft", {"origin": ORIGIN, "roster": roster}, expect=401)


def enrolled() -> None:
    say(f"{TERMINALS} simulated terminals of {ACCOUNTS} accounts are enrolled: the controller gets public keys alone")
    openleo(
        "fleet", "simulate", "--terminals", str(TERMINALS), "--accounts", str(ACCOUNTS), "--in", "TWN",
        "--enrol-table", "fleet.csv", "--keys", "fleet.keys",
    )  # fmt: skip
    openleo("controller", "terminals", "enrol", "fleet.csv", "--data", "data", "--make-accounts", "--active")


def programme(client: httpx.Client) -> Api:
    say("A token for the operator's programme: it asks and hands in, and approves nothing by itself")
    roles = [word for role in ("viewer", "requester", "approver", "auditor") for word in ("--role", role)]
    made = openleo(
        "controller", "token", "make", "--data", "data", "--name", "demonstration", *roles, "--json", quiet=True
    )
    return Api(client, json.loads(made)["token"])


def dark(client: httpx.Client) -> Fleet:
    say("No rule is in force, so nobody is served: the terminals ask, and are told why not")
    url = str(client.base_url).rstrip("/")
    words = ("--url", url, "--keys", "fleet.keys", "--slots", "1000", "--slot-s", f"{SLOT_S:g}")
    fleet = Fleet(Process((OPENLEO, "fleet", "simulate", *words), OUT / "fleet.log"))
    why = fleet.until(0, TERMINALS, 8, "all terminals are refused, as no rule permits them")
    check(why.startswith("not_permitted"), why)
    return fleet


def lit(api: Api, fleet: Fleet) -> None:
    say("A rule book is proposed, its effect computed and frozen")
    (OUT / "operator.toml").write_text(RULES)
    print("".join(f"  | {line}\n" for line in RULES.splitlines()), end="")
    book = {"classes": [], "files": {}} | tomllib.loads(RULES)
    api.change({"kind": "rules", "books": [book], "reason": "service in Taiwan", "slots": REACH_SLOTS})
    say("Every terminal gets a lease")
    fleet.skip()
    fleet.until(TERMINALS, 0, 8, "all terminals hold a lease")
    number = api.ask("GET", "/v1/slots/current").json()["number"]
    plan = pa.ipc.open_stream(api.ask("GET", f"/v1/slots/{number}/cells.arrow").content).read_all()
    print(f"  the map of slot {number}: {plan.num_rows} cells, columns {', '.join(plan.column_names)}")
    check(plan.num_rows > 10, "the map has the cells of Taiwan")


def suspended(api: Api, fleet: Fleet) -> str:
    say("account-1 is to be suspended. As one act it is too much: that needs a change, and two parties")
    act = ("controller", "accounts", "suspend", "account-1", "--data", "data", "--actor", "desk", "--reason", "unpaid")
    openleo(*act, expect=3)
    account = openleo("change", "commit", "account", "account-1", "--ledger", "data").strip()
    change = {"kind": "account", "accounts": [account], "terminals": {"TWN/fixed": EACH}}
    fleet.skip()
    began = api.change(change | {"becomes": "suspended", "reason": "unpaid, as an example"})
    say(f"Its {EACH} terminals lose service within a slot, the others none")
    fleet.skip()
    why = fleet.until(TERMINALS - EACH, EACH, 3, "the terminals of account-1 are refused")
    print(f"  after {time.monotonic() - began:.1f} s all of them have been told: {why}")
    lease = _lease(api, "account-1")
    say("account-1 comes back")
    api.change(change | {"becomes": "active", "reason": "paid"})
    fleet.skip()
    fleet.until(TERMINALS, 0, 4, "all terminals hold a lease again")
    return lease


def _lease(api: Api, account: str) -> str:
    """The last lease of a terminal of an account."""
    terminal = next(line.split(",")[0] for line in (OUT / "fleet.csv").read_text().splitlines() if account in line)
    items = api.ask("GET", f"/v1/leases?terminal={terminal}&limit=1").json()["leases"]
    check(items, f"{terminal} had a lease")
    return str(items[0]["lease"])


def proven(api: Api, lease: str) -> None:
    say("What was enforced is on the ledger, and the ledger is checked by anybody, from its public files")
    wait(lambda: SUMMARY in _entries(api.client), 30.0, "the ledger has no summary of what was enforced")
    print(f"  entries with {SUMMARY.decode()}: {_entries(api.client).count(SUMMARY)}")
    openleo("change", "publish", "data", "--out", "public")
    vkey = api.client.get("/ledger/vkey").text.strip()
    openleo("ledger", "verify", "public", "--vkey", vkey)
    openleo("change", "audit", "public")
    say("Any decision can be made again from its hashes")
    openleo("policy", "explain", lease, "--data", "data")


def _entries(client: httpx.Client) -> bytes:
    """All entries of the ledger as they are published, in tiles of 256."""
    size = int(client.get("/ledger/checkpoint").text.splitlines()[1])
    whole, rest = divmod(size, TILE)
    paths = [f"{number:03}" for number in range(whole)] + ([f"{whole:03}.p/{rest}"] if rest else [])
    return b"".join(client.get(f"/ledger/tile/entries/{path}").raise_for_status().content for path in paths)


def restored(client: httpx.Client, server: Process, fleet: Fleet) -> None:
    say("A backup while all of it runs")
    openleo("controller", "backup", "--data", "data", "--out", "backup.tar", "--with-keys")
    (OUT / "checkpoint").write_bytes(client.get("/ledger/checkpoint").content)
    say("Fleet and controller stop; nothing is lost, as leases lapse by themselves")
    fleet.process.stop()
    check(server.stop() == 0, "the controller ends in order")
    say("The backup is restored into another folder, and is in order by the checkpoint that was published")
    openleo("controller", "restore", "backup.tar", "--data", "restored", "--checkpoint", "checkpoint")
    openleo("controller", "accounts", "list", "--data", "restored")


def look() -> str:
    """How to open the console on what is left behind."""
    data = (OUT / "restored").relative_to(ROOT)
    program = Path(sys.executable).with_name("openleo")
    word = program.relative_to(ROOT) if program.is_relative_to(ROOT) else program.name
    return (
        f"  {word} controller token make --data {data} --name browser --role viewer\n"
        f"  {word} serve {SCENARIO.relative_to(ROOT)} --data {data}"
    )


def main() -> None:
    STAGE.begin()
    print(f"Everything is done in {OUT.relative_to(ROOT)}.")
    processes: list[Process] = []
    try:
        server, client, administrator = served()
        processes.append(server)
        found(administrator)
        enrolled()
        api = programme(client)
        fleet = dark(client)
        processes.append(fleet.process)
        lit(api, fleet)
        lease = suspended(api, fleet)
        proven(api, lease)
        restored(client, server, fleet)
    finally:
        for one in reversed(processes):
            one.stop()
    print(f"\nAll as it should be. Everything is in {OUT.relative_to(ROOT)}.")
    print(f"To look at its network, start what was restored, and open the address that it prints:\n{look()}")


if __name__ == "__main__":
    main()
