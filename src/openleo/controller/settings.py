"""Everything that can be set about a controller, each with its meaning; docs/reference/settings.md is made from it.

Read from `settings.toml` in the data folder, then from the environment (OPENLEO_…), then from the command line: the
later wins. Secrets are read from files or the environment, and shown nowhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from openleo.governance.roster import LEAST_LEASE_SLOTS, MOST_LEASE_SLOTS

FILE = "settings.toml"


class Settings(BaseSettings):
    """A running controller's settings."""

    model_config = SettingsConfigDict(env_prefix="OPENLEO_", extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Where it listens. Anything but loopback needs TLS.")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(8600, description="0: any free one, which is printed.")
    tls_certificate: Path | None = Field(None, description="PEM file, with its chain.")
    tls_key: Path | None = Field(None, description="PEM file of its private key, readable by its owner alone.")
    device_certificates: bool = Field(
        False, description="Ask clients for a certificate of the devices' authority; with tls_certificate alone."
    )
    database: SecretStr = Field(
        SecretStr(""), description="postgresql://…; empty: SQLite in the data folder. The ledger is kept beside it."
    )
    lease_slots: Annotated[int, Field(ge=LEAST_LEASE_SLOTS, le=MOST_LEASE_SLOTS)] = Field(
        4,
        description="How many slots a lease holds: so long is served what a dead controller served. No more than"
        " `lease_slots_max` of the roster, which is 4 unless its quorum changed it.",
    )
    keep_plans: Annotated[int, Field(ge=2)] = Field(240, description="Slots whose plans are kept whole; hashes stay.")
    degraded_slots_alarm: Annotated[int, Field(ge=1)] = Field(
        4, description="After so many slots in a row with a lesser plan there is an alarm."
    )
    hold_hours: Annotated[float, Field(gt=0.0, le=720.0)] = Field(
        72.0, description="A lease held back on evidence is given again after so long, upheld or not."
    )
    holds_a_day: Annotated[int, Field(ge=0)] = Field(
        20, description="So many terminals a day may detectors hold back by themselves; what is more waits for people."
    )
    holder_terminals: Annotated[int, Field(ge=0)] = Field(
        0, description="Terminals that an account may run whose registry states no quota; 0: any number."
    )
    ranging_keep_s: Annotated[float, Field(ge=30.0, le=3_600.0)] = Field(
        300.0,
        description="Round trips that gateways measured count for so long, and where they put a terminal too.",
    )
    fixes_per_second: Annotated[int, Field(ge=1, le=1_000)] = Field(
        10, description="Terminals located a second, the most doubtful first; each takes 6 to 13 ms of a processor."
    )
    keep_events: Annotated[int, Field(ge=100)] = Field(10_000, description="Events that a client can still ask for.")
    public_url: Annotated[str, Field(pattern=r"^(https?://[^/\s]+)?$")] = Field(
        "",
        description="The address that people reach it by (https://…), without a path; empty: as each request says,"
        " on loopback alone: people log in elsewhere only where it is set.",
    )
    oidc_issuer: str = Field("", description="The OpenID provider that people log in at; empty: programs' tokens only.")
    oidc_client_id: str = Field("", description="Ours at that provider.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Its secret; empty: a public client (PKCE alone).")
    session_hours: Annotated[float, Field(gt=0, le=168)] = Field(12, description="How long a log-in lasts.")
    requests_per_minute: Annotated[int, Field(ge=1)] = Field(1_200, description="Of each principal who is known.")
    anonymous_requests_per_minute: Annotated[int, Field(ge=1)] = Field(
        240, description="Of each address (IPv6: each /64) where nobody known asks; leases are not counted here."
    )
    terminal_requests_per_minute: Annotated[int, Field(ge=1)] = Field(30, description="For leases, of each terminal.")
    enforcement_summary_hours: Annotated[float, Field(gt=0.0, le=168.0)] = Field(
        24.0, description="How often what was enforced goes onto the ledger, beside each change of what is in force."
    )
    otel_endpoint: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = Field(
        "", description="Where spans are sent (OTLP over HTTP: https://HOST/v1/traces); needs the extra otel."
    )
    certificate_hours: Annotated[float, Field(gt=0.0, le=168.0)] = Field(
        8.0, description="How long a device's TLS certificate holds."
    )
    keep_decisions_days: Annotated[float, Field(ge=1 / 24)] = Field(
        7.0,
        description="How long leases and refusals can be explained after they lapsed. A week: what goes wrong on a"
        " weekend is still there on Monday. A terminal that renews each minute makes 1,440 rows or 1 MB a day.",
    )
    elements_every_minutes: Annotated[float, Field(ge=0.0, le=1_440.0)] = Field(
        10.0,
        description="How often the file of element sets that the scenario names is looked at for newer ones; 0: never."
        " Somebody else renews it: openleo fetch, by a timer.",
    )
    elements_share_min: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        0.9,
        description="A file with a smaller share of the satellites that had elements of late is not taken: it is half"
        " written, or another system's.",
    )
    elements_alarm_days: Annotated[float, Field(gt=0.0)] = Field(
        2.0, description="Once half of the element sets are older there is an alarm: satellites are 28 km off (95 %)."
    )
    elements_days_max: Annotated[float, Field(gt=0.0, le=60.0)] = Field(
        7.0,
        description="With older elements a satellite is not used: it is 110 km off (95 %), a slot's flight, and of"
        " older ones nobody has published how far they are off.",
    )
    upload_bytes_max: Annotated[int, Field(ge=1_000)] = Field(
        50_000_000, description="Of a table that is uploaded (CSV, Parquet)."
    )
    connections_max: Annotated[int, Field(ge=16, le=100_000)] = Field(
        2_000,
        description="At once; of them a fourth from one address (IPv6: /64) that is not this machine. No more than"
        " three fourths of the files that the process may open.",
    )
    listeners_per_principal: Annotated[int, Field(ge=1, le=200)] = Field(
        10, description="To events at once, of each principal; of all together 200."
    )
    keep_evidence_days: Annotated[float, Field(ge=1.0)] = Field(
        90.0,
        description="How long evidence says where a terminal was, after somebody reviewed it. What was found, by whom"
        " and why stays; so does a renewal that is held.",
    )
    body_bytes_max: Annotated[int, Field(ge=1_000)] = Field(1_000_000, description="Of a request's body.")

    @classmethod
    def load(cls, data: Path, **given: object) -> Settings:
        """Of a data folder; `given` on the command line wins. Raises pydantic's ValidationError."""

        class Here(cls):  # type: ignore[valid-type,misc]
            model_config = SettingsConfigDict(toml_file=data / FILE)

            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings names them
                file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

        return Here(**{name: value for name, value in given.items() if value is not None})
