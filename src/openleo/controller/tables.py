"""The tables of the controller's database, in the one form that SQLite and PostgreSQL share.

Instants are seconds since the Unix epoch, UTC, as floating-point numbers; slots are counted as `slots` counts them.
Documents are JSON text. Nothing here is deleted but by `retention`, which says what goes and when; of the tables that
are only ever added to, the database itself refuses to change or delete a row.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from openleo.controller import append_only

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows up only in a plain integer

TERMINAL_STATES = ("enrolled", "active", "suspended", "revoked", "lost")

# --- who leads, and the slots -----------------------------------------------------------------------------------

leadership = Table(
    "leadership",  # one row
    metadata,
    Column("id", Integer, primary_key=True),
    Column("holder", String(100), nullable=False),
    Column("token", BigInteger, nullable=False),  # fences off whoever led before: rises with every new holder
    Column("beat", BigInteger, nullable=False),  # rises with every sign of life
    CheckConstraint("id = 1", name="one_row"),
)
slots = Table(
    "slots",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("begins_at", Float, nullable=False),
    Column("token", BigInteger, nullable=False),  # of the leader that stored it
    Column("rule_set", String(64), nullable=False),  # sha256
    Column("network", String(64), nullable=False),  # sha256
    Column("ledger_size", BigInteger, nullable=False),
    Column("ledger_root", String(64), nullable=False),
    Column("plan", String(64), nullable=False),  # sha256 of its bytes
    Column("degraded", Text, nullable=False, default=""),  # why it is a lesser plan; "" where it is a whole one
    Column("stored_at", Float, nullable=False),
    Column("applied_at", Float),
    Column("summary", Text, nullable=False),  # JSON: counts by reason, terminals served, seconds
)
plans = Table(
    "plans",  # the bytes of the last ones
    metadata,
    Column("number", BigInteger, ForeignKey("slots.number"), primary_key=True),
    Column("cells", LargeBinary, nullable=False),  # Arrow
    Column("terminals", LargeBinary, nullable=False),  # Arrow
)
events = Table(
    "events",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("kind", String(20), nullable=False),  # slot, policy, alert
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
known = Table(
    "known",  # what a restart must not forget: the ledger last seen, a jump of the clock that waits to be confirmed
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)

# --- accounts and terminals -------------------------------------------------------------------------------------

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("holder", String(200), nullable=False, default=""),
    Column("commitment", String(80), nullable=False, unique=True),  # what the ledger calls it: account:COMMITMENT
    Column("quota", Integer),  # terminals it may enrol; null: any number
    Column("created_at", Float, nullable=False),
    Column("version", Integer, nullable=False, default=1),
)
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("account", String(100), ForeignKey("accounts.id"), nullable=False, index=True),
    Column("down_mbps", Float),  # null: what the network gives
    Column("up_mbps", Float),
    Column("begins_at", Float, nullable=False),
    Column("ends_at", Float),
)
terminals = Table(
    "terminals",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("account", String(100), ForeignKey("accounts.id"), nullable=False, index=True),
    Column("subscription", String(100), ForeignKey("subscriptions.id")),
    Column("class", String(60), nullable=False),
    Column("home_territory", String(100), nullable=False),
    Column("groups", Text, nullable=False, default="[]"),  # JSON
    Column("public_key", LargeBinary, nullable=False, unique=True),  # Ed25519, 32 bytes
    Column("commitment", String(80), nullable=False, unique=True),  # what the ledger calls it
    Column("state", String(20), nullable=False),
    Column("enrolled_at", Float, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    CheckConstraint(f"state in {TERMINAL_STATES}", name="state"),
)
custody = Table(
    "custody",  # only ever added to
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("terminal", String(100), ForeignKey("terminals.id"), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("what", String(20), nullable=False),  # enrolled, transferred, state, key, class, groups
    Column("before", Text, nullable=False),  # JSON
    Column("after", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    sqlite_autoincrement=True,
)
enrolments = Table(
    "enrolments",  # bulk enrolments: where each goes on after a stop
    metadata,
    Column("id", String(64), primary_key=True),  # sha256 of the table
    Column("done", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("begun_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("actor", String(200), nullable=False),
)

# --- leases -----------------------------------------------------------------------------------------------------

leases = Table(
    "leases",  # each a permission as it was given; a renewal is a new row
    metadata,
    Column("id", String(32), primary_key=True),
    Column("terminal", String(100), nullable=False),  # no foreign key: checked before, and 700 rows a second
    Column("slot", BigInteger, nullable=False),  # the first that it holds in
    Column("until_slot", BigInteger, nullable=False),  # the first that it does not
    Column("token", BigInteger, nullable=False),
    Column("rule_set", String(64), nullable=False),
    Column("ledger_size", BigInteger, nullable=False),
    Column("plan", String(64), nullable=False),
    Column("body", Text, nullable=False),  # JSON: the request that was decided, the decision, cell, gateway, rate
)
Index("ix_leases_terminal", leases.c.terminal, leases.c.until_slot)
# Which leases hold in a slot is asked in every slot, and answered from the index: their records are not touched.
Index("ix_leases_until", leases.c.until_slot, leases.c.slot, leases.c.terminal, leases.c.id)
refusals = Table(
    "refusals",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("terminal", String(100), nullable=False, index=True),
    Column("at", Float, nullable=False, index=True),
    Column("rule_set", String(64), nullable=False),
    Column("ledger_size", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # JSON, as of leases
)
lease_keys = Table(
    "lease_keys",  # only ever added to: of every controller that ever gave a lease here, so that each can be verified
    metadata,
    Column("id", String(16), primary_key=True),  # lease_seal.key_id
    Column("public_key", LargeBinary, nullable=False, unique=True),  # Ed25519, 32 bytes
    Column("at", Float, nullable=False),
)
nonces = Table(
    "nonces",  # of signed requests, for as long as one could be said again
    metadata,
    Column("terminal", String(100), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("until", Float, nullable=False, index=True),
)

located = Table(
    "located",  # terminals that a lease is decided for where the network has them: what a fail-over must not forget
    metadata,
    Column("terminal", String(100), primary_key=True),
    Column("at", Float, nullable=False, index=True),  # of the last round trip
    Column("body", Text, nullable=False),  # JSON: ranged.Kept
)
abroad = Table(
    "abroad",  # terminals that were decided on elsewhere than at home, and not at home since: for rules on days abroad
    metadata,
    Column("terminal", String(100), primary_key=True),
    Column("home_territory", String(100), nullable=False),
    Column("since", Float, nullable=False),
)

# --- misuse -----------------------------------------------------------------------------------------------------

evidence = Table(
    "evidence",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", Float, nullable=False, index=True),
    Column("terminal", String(100), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("score", Float, nullable=False),
    Column("holds_renewal", Boolean, nullable=False),  # leases are not renewed until it was reviewed
    Column("body", Text, nullable=False),  # JSON: inputs and the rule that they meet
    Column("state", String(20), nullable=False, default="open"),  # open, upheld, dismissed
    Column("reviewer", String(200)),
    Column("reviewed_at", Float),
    Column("finding", Text),
)

# --- people -----------------------------------------------------------------------------------------------------

people = Table(
    "people",  # who logs in, by the provider's words for them
    metadata,
    Column("id", String(64), primary_key=True),
    Column("issuer", String(300), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("party", String(100), nullable=False),  # institution, as rosters name it
    Column("roles", Text, nullable=False),  # JSON
    Column("officer", String(100)),
    Column("version", Integer, nullable=False, default=1),
    UniqueConstraint("issuer", "subject", name="issuer_subject"),
)
tokens = Table(
    "tokens",  # of programs; what is presented is kept as its sha256
    metadata,
    Column("id", String(32), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("party", String(100), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("roles", Text, nullable=False),  # JSON
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("once", Boolean, nullable=False, default=False),  # good for one use
    Column("used_at", Float),
)
sessions = Table(
    "sessions",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("person", String(64), ForeignKey("people.id"), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)
logins = Table(
    "logins",  # begun at the provider and not yet come back: each comes back once
    metadata,
    Column("state", String(64), primary_key=True),  # sha256 of the state; all else is in the browser's cookie
    Column("until", Float, nullable=False, index=True),
)
audit = Table(
    "audit",  # only ever added to
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("principal", String(200), nullable=False),
    Column("party", String(100), nullable=False),
    Column("what", String(60), nullable=False),  # refused, changed, read_position, logged_in, …
    Column("about", String(300), nullable=False),  # the object
    Column("body", Text, nullable=False),  # JSON; no secret, no position
    sqlite_autoincrement=True,
)
idempotency = Table(
    "idempotency",
    metadata,
    Column("principal", String(200), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request", String(64), nullable=False),  # sha256 of method, path, body
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),  # JSON
    Column("answer", LargeBinary, nullable=False),
    Column("at", Float, nullable=False, index=True),
)

ONLY_ADDED_TO = (custody, audit, lease_keys)
for kept in ONLY_ADDED_TO:
    append_only.keep(kept)
