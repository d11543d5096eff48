"""A coast strip from its proposal to its proof, as its parties would do it: `make demo-governance`.

Everything is done by the command line and by `ssh-keygen`, in a folder of its own; no account of any real decision is
given. Each command is printed before it runs. Fails where any step answers otherwise than it should.
"""

from __future__ import annotations

import json
from pathlib import Path

from parties import REQUEST, ROOT, Stage, say

EXAMPLE = ROOT / "examples" / "who-loses-service-in-a-coastal-strip"
OUT = ROOT / "out" / "governance"
PEOPLE = {
    "operator": ("operator-1", "operator-2", "operator-3"),
    "regulator:UKR": ("regulator-1", "regulator-2"),
}
ORIGIN = "example.org/openleo"
SLOTS = "40"
STAGE = Stage(OUT, PEOPLE)
openleo = STAGE.openleo


def sign(officer: str, folder: str) -> Path:
    return STAGE.sign(officer, f"{folder}/to-sign.json")


def sign_request(officer: str, folder: str) -> Path:
    return STAGE.sign(officer, f"{folder}/to-request.json", REQUEST)


def found() -> None:
    say("Officers make their keys, and found a ledger: entry 0 is signed by all of them")
    STAGE.make_keys()
    (OUT / "roster.toml").write_text(STAGE.roster("all(1 of operator, 1 of regulator:UKR)", requests="signed"))
    openleo("officer", "genesis", "roster.toml", "--origin", ORIGIN, "--out", "genesis")
    for officer in STAGE.officers:
        sign(officer, "genesis").rename(OUT / "genesis" / "approvals" / f"{officer}.sig")
    openleo("officer", "found", "genesis", "--ledger", "ledger")


def change(name: str, new: str, base: str, reason: str) -> None:
    """Propose, signed by the requester; sign by two parties; activate."""
    openleo(
        "change", "propose", new, "--base", base, "--scenario", EXAMPLE / "scenario.toml", "--slots", SLOTS,
        "--requester", "operator-1", "--on-behalf-of", "operator", "--reason", reason, "--legal", "an example",
        "--out", name,
    )  # fmt: skip
    say(f"{name}: operator-2 cannot ask in operator-1's name, to approve it then")
    submit = ("change", "submit", name, "--signature")
    openleo(*submit, sign_request("operator-2", name), expect=3)
    say(f"{name}: operator-1 signs the request, and only now it stands on the ledger")
    openleo(*submit, sign_request("operator-1", name))
    say(f"{name}: before two parties have signed, the answer is no")
    activate = ("change", "activate", name, "--scenario", EXAMPLE / "scenario.toml", "--slots", SLOTS)
    openleo(*activate, expect=3)
    say(f"{name}: who requested it cannot approve it")
    approve = ("change", "approve", name, "--officer")
    openleo(*approve, "operator-1", "--signature", sign("operator-1", name), expect=3)
    say(f"{name}: two parties sign, each with their own key")
    for officer in ("operator-2", "regulator-1"):
        openleo(*approve, officer, "--signature", sign(officer, name))
    say(f"{name}: it takes effect")
    openleo(*activate)


def tampered() -> None:
    say("The ledger is published with its documents, and verified by its key alone; the effect is computed again")
    openleo("change", "publish", "ledger", "--out", "public")
    vkey = (OUT / "public" / "vkey").read_text().strip()
    openleo("ledger", "verify", "public", "--vkey", vkey)
    openleo("change", "verify", "strip", "--vkey", vkey)
    openleo("change", "audit", "public")
    say("One byte of one entry is changed: the verifier says which")
    (bundle,) = (OUT / "public" / "tile" / "entries").glob("000.p/*")
    data = bytearray(bundle.read_bytes())
    at = data.find(b'"on_behalf_of":"operator"') + len('"on_behalf_of":"')
    data[at] ^= 1
    bundle.write_bytes(data)
    answer = json.loads(openleo("ledger", "verify", "public", "--vkey", vkey, "--json", expect=3))
    entry = answer["entry"]
    say(f"It is entry {entry}. The proof of the activation is a file of its own, and holds")
    openleo("ledger", "verify", "strip/proof.tlog-proof", "--vkey", vkey)


def main() -> None:
    STAGE.begin()
    found()
    rules = EXAMPLE / "rules"
    say("Service up to the coast is proposed, computed, signed and activated")
    change("served", f"{rules / 'served-to-the-coast.toml'}", "none", "service up to the coast, as an example")
    say("A strip along the coast is proposed: who loses service is computed before anybody signs")
    both = f"{rules / 'served-to-the-coast.toml'},{rules / 'strip-050-km.toml'}"
    change("strip", both, f"{rules / 'served-to-the-coast.toml'}", "no service within 50 km, as an example")
    tampered()
    print(f"\nEverything is in {OUT.relative_to(ROOT)}: the ledger, the folders of both changes, what was published.")


if __name__ == "__main__":
    main()
