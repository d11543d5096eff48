CREATE TABLE abroad (
    terminal VARCHAR(100) NOT NULL, 
    home_territory VARCHAR(100) NOT NULL, 
    since FLOAT NOT NULL, 
    CONSTRAINT pk_abroad PRIMARY KEY (terminal)
);

CREATE TABLE accounts (
    id VARCHAR(100) NOT NULL, 
    holder VARCHAR(200) NOT NULL, 
    commitment VARCHAR(80) NOT NULL, 
    quota INTEGER, 
    created_at FLOAT NOT NULL, 
    version INTEGER NOT NULL, 
    CONSTRAINT pk_accounts PRIMARY KEY (id), 
    CONSTRAINT uq_accounts_commitment UNIQUE (commitment)
);

CREATE TABLE audit (
    id BIGSERIAL NOT NULL, 
    at FLOAT NOT NULL, 
    principal VARCHAR(200) NOT NULL, 
    party VARCHAR(100) NOT NULL, 
    what VARCHAR(60) NOT NULL, 
    about VARCHAR(300) NOT NULL, 
    body TEXT NOT NULL, 
    CONSTRAINT pk_audit PRIMARY KEY (id)
);

CREATE TABLE enrolments (
    id VARCHAR(64) NOT NULL, 
    done INTEGER NOT NULL, 
    rows INTEGER NOT NULL, 
    begun_at FLOAT NOT NULL, 
    ended_at FLOAT, 
    actor VARCHAR(200) NOT NULL, 
    CONSTRAINT pk_enrolments PRIMARY KEY (id)
);

CREATE TABLE events (
    id BIGSERIAL NOT NULL, 
    at FLOAT NOT NULL, 
    kind VARCHAR(20) NOT NULL, 
    body TEXT NOT NULL, 
    CONSTRAINT pk_events PRIMARY KEY (id)
);

CREATE TABLE evidence (
    id VARCHAR(32) NOT NULL, 
    at FLOAT NOT NULL, 
    terminal VARCHAR(100) NOT NULL, 
    kind VARCHAR(40) NOT NULL, 
    score FLOAT NOT NULL, 
    holds_renewal BOOLEAN NOT NULL, 
    body TEXT NOT NULL, 
    state VARCHAR(20) NOT NULL, 
    reviewer VARCHAR(200), 
    reviewed_at FLOAT, 
    finding TEXT, 
    CONSTRAINT pk_evidence PRIMARY KEY (id)
);

CREATE INDEX ix_evidence_at ON evidence (at);

CREATE INDEX ix_evidence_terminal ON evidence (terminal);

CREATE TABLE idempotency (
    principal VARCHAR(200) NOT NULL, 
    key VARCHAR(200) NOT NULL, 
    request VARCHAR(64) NOT NULL, 
    status INTEGER NOT NULL, 
    headers TEXT NOT NULL, 
    answer BYTEA NOT NULL, 
    at FLOAT NOT NULL, 
    CONSTRAINT pk_idempotency PRIMARY KEY (principal, key)
);

CREATE INDEX ix_idempotency_at ON idempotency (at);

CREATE TABLE known (
    name VARCHAR(100) NOT NULL, 
    value TEXT NOT NULL, 
    CONSTRAINT pk_known PRIMARY KEY (name)
);

CREATE TABLE leadership (
    id SERIAL NOT NULL, 
    holder VARCHAR(100) NOT NULL, 
    token BIGINT NOT NULL, 
    beat BIGINT NOT NULL, 
    CONSTRAINT pk_leadership PRIMARY KEY (id), 
    CONSTRAINT ck_leadership_one_row CHECK (id = 1)
);

CREATE TABLE lease_keys (
    id VARCHAR(16) NOT NULL, 
    public_key BYTEA NOT NULL, 
    at FLOAT NOT NULL, 
    CONSTRAINT pk_lease_keys PRIMARY KEY (id), 
    CONSTRAINT uq_lease_keys_public_key UNIQUE (public_key)
);

CREATE TABLE leases (
    id VARCHAR(32) NOT NULL, 
    terminal VARCHAR(100) NOT NULL, 
    slot BIGINT NOT NULL, 
    until_slot BIGINT NOT NULL, 
    token BIGINT NOT NULL, 
    rule_set VARCHAR(64) NOT NULL, 
    ledger_size BIGINT NOT NULL, 
    plan VARCHAR(64) NOT NULL, 
    body TEXT NOT NULL, 
    CONSTRAINT pk_leases PRIMARY KEY (id)
);

CREATE INDEX ix_leases_terminal ON leases (terminal, until_slot);

CREATE INDEX ix_leases_until ON leases (until_slot, slot, terminal, id);

CREATE TABLE located (
    terminal VARCHAR(100) NOT NULL, 
    at FLOAT NOT NULL, 
    body TEXT NOT NULL, 
    CONSTRAINT pk_located PRIMARY KEY (terminal)
);

CREATE INDEX ix_located_at ON located (at);

CREATE TABLE logins (
    state VARCHAR(64) NOT NULL, 
    until FLOAT NOT NULL, 
    CONSTRAINT pk_logins PRIMARY KEY (state)
);

CREATE INDEX ix_logins_until ON logins (until);

CREATE TABLE nonces (
    terminal VARCHAR(100) NOT NULL, 
    nonce VARCHAR(64) NOT NULL, 
    until FLOAT NOT NULL, 
    CONSTRAINT pk_nonces PRIMARY KEY (terminal, nonce)
);

CREATE INDEX ix_nonces_until ON nonces (until);

CREATE TABLE people (
    id VARCHAR(64) NOT NULL, 
    issuer VARCHAR(300) NOT NULL, 
    subject VARCHAR(300) NOT NULL, 
    party VARCHAR(100) NOT NULL, 
    roles TEXT NOT NULL, 
    officer VARCHAR(100), 
    version INTEGER NOT NULL, 
    CONSTRAINT pk_people PRIMARY KEY (id), 
    CONSTRAINT issuer_subject UNIQUE (issuer, subject)
);

CREATE TABLE refusals (
    id VARCHAR(32) NOT NULL, 
    terminal VARCHAR(100) NOT NULL, 
    at FLOAT NOT NULL, 
    rule_set VARCHAR(64) NOT NULL, 
    ledger_size BIGINT NOT NULL, 
    body TEXT NOT NULL, 
    CONSTRAINT pk_refusals PRIMARY KEY (id)
);

CREATE INDEX ix_refusals_at ON refusals (at);

CREATE INDEX ix_refusals_terminal ON refusals (terminal);

CREATE TABLE slots (
    number BIGSERIAL NOT NULL, 
    begins_at FLOAT NOT NULL, 
    token BIGINT NOT NULL, 
    rule_set VARCHAR(64) NOT NULL, 
    network VARCHAR(64) NOT NULL, 
    ledger_size BIGINT NOT NULL, 
    ledger_root VARCHAR(64) NOT NULL, 
    plan VARCHAR(64) NOT NULL, 
    degraded TEXT NOT NULL, 
    stored_at FLOAT NOT NULL, 
    applied_at FLOAT, 
    summary TEXT NOT NULL, 
    CONSTRAINT pk_slots PRIMARY KEY (number)
);

CREATE TABLE tokens (
    id VARCHAR(32) NOT NULL, 
    sha256 VARCHAR(64) NOT NULL, 
    name VARCHAR(200) NOT NULL, 
    party VARCHAR(100) NOT NULL, 
    owner VARCHAR(200) NOT NULL, 
    roles TEXT NOT NULL, 
    created_at FLOAT NOT NULL, 
    expires_at FLOAT, 
    revoked_at FLOAT, 
    once BOOLEAN NOT NULL, 
    used_at FLOAT, 
    CONSTRAINT pk_tokens PRIMARY KEY (id), 
    CONSTRAINT uq_tokens_sha256 UNIQUE (sha256)
);

CREATE TABLE plans (
    number BIGINT NOT NULL, 
    cells BYTEA NOT NULL, 
    terminals BYTEA NOT NULL, 
    CONSTRAINT pk_plans PRIMARY KEY (number), 
    CONSTRAINT fk_plans_number_slots FOREIGN KEY(number) REFERENCES slots (number)
);

CREATE TABLE sessions (
    sha256 VARCHAR(64) NOT NULL, 
    person VARCHAR(64) NOT NULL, 
    created_at FLOAT NOT NULL, 
    expires_at FLOAT NOT NULL, 
    CONSTRAINT pk_sessions PRIMARY KEY (sha256), 
    CONSTRAINT fk_sessions_person_people FOREIGN KEY(person) REFERENCES people (id)
);

CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

CREATE TABLE subscriptions (
    id VARCHAR(100) NOT NULL, 
    account VARCHAR(100) NOT NULL, 
    down_mbps FLOAT, 
    up_mbps FLOAT, 
    begins_at FLOAT NOT NULL, 
    ends_at FLOAT, 
    CONSTRAINT pk_subscriptions PRIMARY KEY (id), 
    CONSTRAINT fk_subscriptions_account_accounts FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE INDEX ix_subscriptions_account ON subscriptions (account);

CREATE TABLE terminals (
    id VARCHAR(100) NOT NULL, 
    account VARCHAR(100) NOT NULL, 
    subscription VARCHAR(100), 
    class VARCHAR(60) NOT NULL, 
    home_territory VARCHAR(100) NOT NULL, 
    groups TEXT NOT NULL, 
    public_key BYTEA NOT NULL, 
    commitment VARCHAR(80) NOT NULL, 
    state VARCHAR(20) NOT NULL, 
    enrolled_at FLOAT NOT NULL, 
    version INTEGER NOT NULL, 
    CONSTRAINT pk_terminals PRIMARY KEY (id), 
    CONSTRAINT ck_terminals_state CHECK (state in ('enrolled', 'active', 'suspended', 'revoked', 'lost')), 
    CONSTRAINT fk_terminals_account_accounts FOREIGN KEY(account) REFERENCES accounts (id), 
    CONSTRAINT fk_terminals_subscription_subscriptions FOREIGN KEY(subscription) REFERENCES subscriptions (id), 
    CONSTRAINT uq_terminals_commitment UNIQUE (commitment), 
    CONSTRAINT uq_terminals_public_key UNIQUE (public_key)
);

CREATE INDEX ix_terminals_account ON terminals (account);

CREATE TABLE custody (
    id BIGSERIAL NOT NULL, 
    terminal VARCHAR(100) NOT NULL, 
    at FLOAT NOT NULL, 
    what VARCHAR(20) NOT NULL, 
    before TEXT NOT NULL, 
    after TEXT NOT NULL, 
    actor VARCHAR(200) NOT NULL, 
    reason TEXT NOT NULL, 
    CONSTRAINT pk_custody PRIMARY KEY (id), 
    CONSTRAINT fk_custody_terminal_terminals FOREIGN KEY(terminal) REFERENCES terminals (id)
);

CREATE INDEX ix_custody_terminal ON custody (terminal);

create or replace function custody_only_added_to() returns trigger language plpgsql as $$ begin raise exception 'custody is only added to' using errcode = 'integrity_constraint_violation'; end $$;

create trigger custody_kept before update or delete or truncate on custody for each statement execute function custody_only_added_to();

create or replace function audit_only_added_to() returns trigger language plpgsql as $$ begin raise exception 'audit is only added to' using errcode = 'integrity_constraint_violation'; end $$;

create trigger audit_kept before update or delete or truncate on audit for each statement execute function audit_only_added_to();

create or replace function lease_keys_only_added_to() returns trigger language plpgsql as $$ begin raise exception 'lease_keys is only added to' using errcode = 'integrity_constraint_violation'; end $$;

create trigger lease_keys_kept before update or delete or truncate on lease_keys for each statement execute function lease_keys_only_added_to();

CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);

INSERT INTO alembic_version (version_num) VALUES ('0001');
