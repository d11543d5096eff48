"""What demonstrations share: commands that are printed before they run, and parties whose officers sign."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OPENLEO = Path(sys.executable).with_name("openleo")
APPROVAL, REQUEST = "openleo-approval@v1", "openleo-request@v1"
VAULT = ("vault-1", "vault-2")  # keys of recovery, which are no officer's


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def shown(words: Sequence[str | Path]) -> str:
    """A command as one would type it."""
    typed = " ".join(f'"{word}"' if " " in str(word) or not str(word) else str(word) for word in words)
    return typed.replace(str(OPENLEO), "openleo").replace(f"{ROOT}/", "")


@dataclass(frozen=True)
class Stage:
    """A folder in which a demonstration is given, by people of several parties: party → officers."""

    out: Path
    people: Mapping[str, Sequence[str]]

    def begin(self) -> None:
        """An empty folder. Leaves the programme where officers cannot sign."""
        if shutil.which("ssh-keygen") is None:
            sys.exit("ssh-keygen is needed to sign. On Debian: apt-get install openssh-client")
        if self.out.exists():
            shutil.rmtree(self.out)
        (self.out / "keys").mkdir(parents=True)

    @property
    def officers(self) -> tuple[str, ...]:
        return tuple(officer for officers in self.people.values() for officer in officers)

    def run(self, *words: str | Path, expect: int = 0, quiet: bool = False) -> str:
        """What a command prints. Leaves the programme where its exit is another than expected."""
        print(f"$ {shown(words)}", flush=True)
        done = subprocess.run([str(word) for word in words], cwd=self.out, capture_output=True, text=True)
        if not quiet or done.returncode != expect:
            print(done.stdout + done.stderr, end="", flush=True)
        if done.returncode != expect:
            sys.exit(f"the command answered {done.returncode}, and {expect} was expected")
        return done.stdout

    def openleo(self, *words: str | Path, expect: int = 0, quiet: bool = False) -> str:
        return self.run(OPENLEO, *words, expect=expect, quiet=quiet)

    def make_keys(self) -> None:
        """A key pair for each officer and the vault; officers would make theirs on a hardware token."""
        for name in (*self.officers, *VAULT):
            self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", f"keys/{name}", quiet=True)

    def public(self, name: str) -> str:
        return (self.out / "keys" / f"{name}.pub").read_text().strip()

    def sign(self, officer: str, file: str, namespace: str = APPROVAL) -> Path:
        """The signature of an officer over a file of the folder, by their own key."""
        signature = self.out / f"{file}.sig"
        signature.unlink(missing_ok=True)
        self.run("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", f"keys/{officer}", file, quiet=True)
        return signature

    def roster(self, quorum: str, requests: str) -> str:
        """The roster file: parties, their officers' public keys, one quorum, two keys of recovery."""
        text = "schema = 1\n"
        for party, officers in self.people.items():
            text += f'\n[[party]]\nid = "{party}"\n'
            for officer in officers:
                text += f'\n[[officer]]\nid = "{officer}"\nparty = "{party}"\nkeys = ["{self.public(officer)}"]\n'
        text += f'\n[[quorum]]\nquorum = "{quorum}"\n\n[settings]\nrequests = "{requests}"\n'
        vault = ", ".join(f'"{self.public(name)}"' for name in VAULT)
        return f"{text}\n[recovery]\nthreshold = 2\nkeys = [{vault}]\n"
