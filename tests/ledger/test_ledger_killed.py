"""Killed at any moment: whatever was answered is there, once, and signed histories stay one."""

from __future__ import annotations

import base64
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledgers import new_ledger, opened
from openleo.ledger import merkle

TESTS = Path(__file__).parents[1]
WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from ledgers import LOG, opened
with opened(Path({database!r})) as ledger:
    print("open", flush=True)
    number = ledger.size
    while True:
        made = ledger.append([b"%d" % (number + at) for at in range(1 + number % 7)], LOG)
        number = made[-1].index + 1
        print(number, ledger.signed().text.split(chr(10))[2], flush=True)
"""


def killed_once(database: Path, after_s: float) -> dict[int, str]:
    """What a writer answered (size and root) until it was killed."""
    program = WRITER.format(tests=str(TESTS), database=str(database))
    writer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    time.sleep(after_s)
    writer.send_signal(signal.SIGKILL)
    out, _ = writer.communicate()
    answered = [line.split() for line in out.splitlines() if line.count(" ") == 1 and line.endswith("=")]
    return {int(size): root for size, root in answered}


@pytest.mark.parametrize("times", [5, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_random_no_entry_is_lost_or_doubled(tmp_path: Path, times: int) -> None:
    random_ = random.Random(5)
    database = new_ledger(tmp_path / "ledger")
    answered: dict[int, str] = {}
    for _ in range(times):
        answered |= killed_once(database, random_.uniform(0.0, 0.05))
    with opened(database) as ledger:
        assert ledger.size >= max(answered)
        assert [body for _, body in ledger.entries()] == [b"%d" % number for number in range(ledger.size)]
        for size, root in answered.items():
            proof = ledger.prove_consistency(size, ledger.size)
            merkle.check_consistency(size, ledger.size, base64.b64decode(root), ledger.root, proof)
