"""Enrolment of tables: every fault at once, nothing half done, and after a kill it goes on where it stopped."""

from __future__ import annotations

import base64
import io
import json
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from founded import NOW, founded
from sqlalchemy import Engine, func, select

from openleo.controller import accounts, enrol, enrol_table, registry
from openleo.controller.accounts import Accounts, Subscription
from openleo.controller.database import reading
from openleo.controller.device_keys import SMALL_ORDER_Y, KeyRefused, check_signature, enrolment, key_text, read_key
from openleo.controller.enrol import Enrolling, Options
from openleo.controller.ledger_desk import LedgerDesk
from openleo.controller.registry import State
from openleo.controller.tables import custody, enrolments, terminals
from openleo.errors import InputError
from openleo.governance.house import Folder

HEAD = "id,public_key,class,account,home_territory"
MAKE = Options(make_accounts=True)


def key(number: int) -> str:
    """A value that has the form of a key: who only enrols does not verify with it."""
    return base64.b64encode(number.to_bytes(4, "big") * 8).decode()


def table(count: int, account: str = "a-1", first: int = 1) -> bytes:
    rows = [f"t-{n},{key(n)},fixed,{account},TWN" for n in range(first, first + count)]
    return "\n".join([HEAD, *rows, ""]).encode()


class Place:
    """A founded ledger with a registry."""

    def __init__(self, engine: Engine, path: Path):
        self.engine, self.office = engine, founded(path)
        self.desk = LedgerDesk(Folder(self.office.ledger), lambda: NOW, patience_s=0.0)
        self.accounts = Accounts(engine, self.desk, NOW.timestamp)

    def enrolling(self, stop_at: tuple[str, int] = ("", 0)) -> Enrolling:
        """`stop_at`: (point, how many times it was passed) at which the process is killed."""
        passed: Counter[str] = Counter()

        def after(point: str) -> None:
            passed[point] += 1
            if (point, passed[point]) == stop_at:
                raise KeyboardInterrupt

        return Enrolling(self.engine, self.desk, NOW.timestamp, after)

    def enrol(self, data: bytes, options: Options = MAKE, *, dry: bool = False) -> enrol.Enrolled:
        return self.enrolling().table(data, "t.csv", "kim", options, dry=dry)

    def faults(self, data: bytes, options: Options = MAKE) -> list[str]:
        before = self.counts()
        with pytest.raises(InputError) as refused:
            self.enrol(data, options)
        assert self.counts() == before
        return [str(one).removeprefix("t.csv: ") for one in refused.value.problems]

    def counts(self) -> tuple[int, int, int, int]:
        """Terminals, rows of their history, accounts, and terminals on the ledger."""
        with reading(self.engine) as connection:
            numbers = [
                connection.execute(select(func.count()).select_from(one)).scalar_one()
                for one in (terminals, custody, accounts.accounts)
            ]
        with self.desk.open() as acting:
            return (*numbers, len(acting.state.terminals))  # type: ignore[return-value]


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Place:
    return Place(engine, tmp_path)


def test_a_table_is_enrolled_once_however_often_it_is_handed_in(place: Place) -> None:
    assert place.enrol(table(50), dry=True).enrolled == 50
    assert place.counts() == (0, 0, 0, 0)
    done = place.enrol(table(50))
    assert (done.rows, done.enrolled, done.known, done.accounts) == (50, 50, 0, 1)
    assert place.counts() == (50, 50, 1, 50)
    again = place.enrol(table(50))
    assert (again.id, again.enrolled, again.known) == (done.id, 0, 50)
    assert place.counts() == (50, 50, 1, 50)
    with reading(place.engine) as connection:
        row = connection.execute(select(enrolments)).one()
        assert (row.id, row.done, row.rows, row.actor) == (done.id, 50, 50, "kim")
        assert registry.find(connection, "t-1").state == State.ENROLLED
    more = place.enrol(table(60), Options(active=True))
    assert (more.enrolled, more.known) == (10, 50)
    with reading(place.engine) as connection:
        assert registry.find(connection, "t-60").state == State.ACTIVE
    assert place.office.audit()["ok"] is True


@pytest.mark.parametrize("point", ["commitments", "ledger", "database"])
def test_an_enrolment_that_is_killed_goes_on_where_it_stopped(
    place: Place, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrol, "BATCH", 20)
    with pytest.raises(KeyboardInterrupt):
        place.enrolling((point, 2)).table(table(50), "t.csv", "kim", MAKE)
    in_database, _, _, on_ledger = place.counts()
    assert (in_database, on_ledger) == {"commitments": (20, 20), "ledger": (20, 40), "database": (40, 40)}[point]
    done = place.enrol(table(50))
    assert done.known == in_database
    assert place.counts() == (50, 50, 1, 50)
    assert place.office.audit()["ok"] is True


def test_every_fault_of_every_row_is_told_at_once(place: Place) -> None:
    place.enrol(table(1))
    data = "\n".join(
        [
            HEAD + ",groups",
            f"t-1,{key(77)},fixed,a-1,TWN,",
            f"t 2,{key(2)},fixed,a-1,TWN,",
            ",short,ficsed,,Atlantis,",
            f"t-4,{key(1)},fixed,a-1,TWN,",
            f"t-5,{key(5)},fixed,a-1,TWN,",
            f"t-5,{key(5)},fixed,a-1,TWN,",
            f"t-7,{base64.b64encode(bytes(32)).decode()},fixed,a-1,TWN,",
        ]
    ).encode()
    assert place.faults(data) == [
        'row 2, id: is "t 2": an id has 1 to 100 letters, digits and . _ : @ -, and begins with a letter or digit.',
        "row 3, id: is missing. The terminal's id; each one's own.",
        'row 3, public_key: is "short": is neither base64 nor hexadecimal digits. Ask the device for its key again.',
        'row 3, class: is "ficsed": there is no such class. Did you mean fixed?',
        "row 3, account: is missing. The account's id.",
        next(one for one in place.faults(data) if one.startswith("row 3, home_territory")),
        "row 6, id: is that of row 5. Each terminal has its own.",
        next(one for one in place.faults(data) if one.startswith("row 6, public_key")),
        next(one for one in place.faults(data) if one.startswith("row 7, public_key")),
    ]
    good = "\n".join(line for line in data.decode().splitlines() if line[:3] in ("id,", "t-1", "t-4", "t-8"))
    taken, used = place.faults(good.encode(), Options())
    assert taken.startswith('row 1, id: is "t-1": is enrolled already, with another public_key. Change it with ')
    assert used == "row 2, public_key: is the key of t-1. Each terminal has its own."


def test_twenty_thousand_faults_are_all_told(place: Place) -> None:
    faults = place.faults(table(20_000).replace(b",fixed,", b",ficsed,"))
    assert len(faults) == 20_000
    assert faults[-1].startswith("row 20000, class: ")


def test_accounts_subscriptions_and_quotas_are_asked(place: Place) -> None:
    place.accounts.open("a-1", "Roads Ltd", quota=3)
    place.accounts.open("a-2")
    place.accounts.subscribe(Subscription("s-2", "a-2", None, None, 0.0))
    assert place.faults(table(2, "a-3"), Options()) == [
        f'row {n}, account: is "a-3": there is no such account. Did you mean a-2 or a-1?' for n in (1, 2)
    ]
    place.enrol(table(2))
    faults = place.faults(table(3, first=3))
    assert [one.split(":")[0] for one in faults] == ["row 2, account", "row 3, account"]
    assert "has a quota of 3 terminals and 2 of them: this one is over quota." in faults[0]
    place.enrol(table(1, first=3))
    bought = (
        table(1, "a-1", first=9).replace(b"territory\n", b"territory,subscription\n").replace(b"TWN\n", b"TWN,s-2\n")
    )
    assert "is another account's, and not a-1's" in place.faults(bought, Options())[-1]
    assert place.enrol(bought.replace(b"a-1", b"a-2")).enrolled == 1


def test_a_revoked_terminal_is_not_taken_for_an_enrolled_one(place: Place) -> None:
    from openleo.controller.registrar import By, Registrar

    place.enrol(table(2))
    Registrar(place.engine, place.desk, NOW.timestamp).set_state("t-1", State.REVOKED, By("kim"))
    assert "was revoked, for good" in place.faults(table(2))[0]


def test_possession_of_the_key_is_proved_by_a_signature_where_it_is_asked(place: Place) -> None:
    with place.desk.open() as acting:
        origin = acting.state.origin
    device = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = device.public_key().public_bytes_raw()

    def row(id_: str) -> bytes:
        signature = base64.b64encode(device.sign(enrolment(origin, "t-1", public))).decode()
        return f"{HEAD},signature\n{id_},{key_text(public)},fixed,a-1,TWN,{signature}\n".encode()

    asked = Options(make_accounts=True, proven=True)
    assert "is missing" in place.faults(table(1), asked)[0]
    assert "not by this key over this statement" in place.faults(row("t-2"), asked)[0]  # signed for another id
    assert place.enrol(row("t-1"), asked).enrolled == 1


@pytest.mark.parametrize("text", ["", "AAAA", "no base64", "A" * 85 + "B=="], ids=str)
def test_what_is_no_signature_is_refused_as_such(text: str) -> None:
    """The last says the same bytes as another text does: one signature has one text."""
    with pytest.raises(KeyRefused, match="is no signature"):
        check_signature(Ed25519PrivateKey.generate().public_key().public_bytes_raw(), b"said", text)


def test_parquet_says_the_same_as_csv(place: Place) -> None:
    def parquet(**columns: object) -> bytes:
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        return buffer.getvalue()

    keys = [base64.b64decode(key(n)) for n in (1, 2)]
    said = {"id": ["t-1", "t-2"], "class": ["fixed"] * 2, "account": ["a-1"] * 2, "home_territory": ["TWN"] * 2}
    groups = pa.array([["Clinics", "roads"], None], pa.list_(pa.string()))
    assert place.enrol(parquet(public_key=keys, groups=groups, **said)).enrolled == 2
    assert place.enrol(table(2)).enrolled == 0
    with reading(place.engine) as connection:
        assert registry.find(connection, "t-1").groups == {"clinics", "roads"}
    assert "it must hold strings" in place.faults(parquet(public_key=[1, 2], **said))[0]


# --- files that mean harm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "lacks the columns id, public_key, class, account, home_territory"),
        (HEAD.encode(), "holds no terminal"),
        (b"\xff\xfe\x00", "is no UTF-8"),
        (HEAD.encode() + b",lat_deg\nx", "is not known"),
        (HEAD.encode() + b"\nt-1,x", "has 2 fields; the header has 5"),
        (HEAD.encode() + b'\n"' + b"x" * 200_000, "field larger than field limit"),
        (b"PAR1" + b"\x00" * 50, "cannot be read as Parquet"),
    ],
)
def test_a_file_that_is_no_table_is_told_so(data: bytes, why: str) -> None:
    with pytest.raises(InputError, match=why):
        enrol_table.read(data, "t")


def test_a_small_parquet_file_that_unpacks_to_very_much_is_refused_before_it_does() -> None:
    """One value of 5 MB, in 100,000 rows, takes 5 kB in a file and 500 GB as text."""
    buffer = io.BytesIO()
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["x" * 5_000_000])
    columns = {name: pa.array(["x"] * 100_000) for name in enrol_table.NEEDED}
    pq.write_table(pa.table(columns | {"groups": long}), buffer, compression="zstd")
    assert len(buffer.getvalue()) < 50_000
    with pytest.raises(InputError, match=r"more than 1,000 characters|unpacks to"):
        enrol_table.read(buffer.getvalue(), "t")


def test_keys_of_small_order_are_the_points_that_eight_times_lead_to_nothing() -> None:
    """RFC 8032, 5.1.4, by hand: doubled three times, each of these is the neutral element."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p

    def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        product = d * a[0] * b[0] * a[1] * b[1]
        x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, p)
        return x % p, (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, p) % p

    for y in SMALL_ORDER_Y:
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        x = x if x * x % p == square else x * pow(2, (p - 1) // 4, p) % p
        assert x * x % p == square
        point = (x, y % p)
        for _ in range(3):
            point = add(point, point)
        assert point == (0, 1)
        for sign in (0, 2**255):
            with pytest.raises(KeyRefused, match="small order"):
                read_key((y | sign).to_bytes(32, "little"))


def test_with_a_key_of_small_order_one_signature_holds_for_every_statement() -> None:
    """Why they are refused: OpenSSL takes the neutral element as a key, and R = it, S = 0 as its signature."""
    neutral = (1).to_bytes(32, "little")
    for message in (b"one", b"another"):
        Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), message)
    with pytest.raises(KeyRefused):
        check_signature(read_key(neutral), b"one", "")


# --- how long it takes --------------------------------------------------------------------------------------------


def test_ten_thousand_terminals_are_enrolled_in_seconds(place: Place) -> None:
    """Measured on two cores: 10,000 in 1.5 s on SQLite; the bound is for a machine that does much else."""
    begun = time.process_time()
    done = place.enrol(table(10_000))
    assert done.enrolled == 10_000
    assert time.process_time() - begun < 20.0
    assert json.loads(json.dumps(place.counts())) == [10_000, 10_000, 1, 10_000]
