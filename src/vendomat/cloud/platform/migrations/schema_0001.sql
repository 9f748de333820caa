-- The first schema. Every row carries its merchant; every key starts with it; no constraint crosses merchants.
-- Money is bigint minor units. Roles are made before (see database.py): the owner runs this file.

-- who ---------------------------------------------------------------------------------------------------------------
CREATE TABLE merchant (
    merchant_id   text PRIMARY KEY,
    name          text NOT NULL,
    payee         text NOT NULL,
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    service_phone text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL
);

CREATE TABLE operator (
    merchant_id   text NOT NULL REFERENCES merchant,
    operator_id   text NOT NULL,
    email         text NOT NULL,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('owner', 'manager', 'read_only')),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, operator_id)
);
CREATE UNIQUE INDEX operator_email ON operator (lower(email));

CREATE TABLE operator_session (
    merchant_id  text NOT NULL,
    session_hash bytea NOT NULL,
    operator_id  text NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, session_hash),
    FOREIGN KEY (merchant_id, operator_id) REFERENCES operator
);
CREATE UNIQUE INDEX operator_session_hash ON operator_session (session_hash);

CREATE TABLE sign_in_attempt (
    merchant_id text NOT NULL DEFAULT '',
    subject     text NOT NULL,
    at          timestamptz NOT NULL
);
CREATE INDEX sign_in_attempt_subject ON sign_in_attempt (subject, at);

CREATE TABLE payment_account (
    merchant_id     text NOT NULL REFERENCES merchant,
    channel         text NOT NULL,
    account         text NOT NULL,
    settings_sealed bytea NOT NULL,
    is_active       boolean NOT NULL DEFAULT true,
    PRIMARY KEY (merchant_id, channel)
);

-- machines and what they sell -----------------------------------------------------------------------------------------
CREATE TABLE machine (
    merchant_id       text NOT NULL REFERENCES merchant,
    machine_id        text NOT NULL,
    number            text NOT NULL,
    name_zh           text NOT NULL,
    name_en           text NOT NULL,
    site              text NOT NULL DEFAULT '',
    time_zone         text NOT NULL DEFAULT 'Asia/Shanghai',
    state             text NOT NULL CHECK (state IN ('new', 'enrolled', 'quarantined', 'retired')),
    public_key        text,
    epoch             bigint NOT NULL DEFAULT 0,
    boot_nonce        text NOT NULL DEFAULT '',
    catalogue_version integer NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, machine_id),
    UNIQUE (machine_id),
    UNIQUE (merchant_id, number)
);

-- What a machine said last. Unlogged: after a crash of the database the next heartbeat fills it again.
CREATE UNLOGGED TABLE machine_live (
    merchant_id   text NOT NULL,
    machine_id    text NOT NULL,
    epoch         bigint NOT NULL,
    nonce         text NOT NULL,
    nonce_at      timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    is_ready      boolean NOT NULL,
    reasons       text[] NOT NULL,
    temperature_c double precision,
    facts_waiting integer NOT NULL DEFAULT 0,
    PRIMARY KEY (merchant_id, machine_id)
) WITH (fillfactor = 50);

CREATE TABLE enrolment_token (
    merchant_id text NOT NULL,
    machine_id  text NOT NULL,
    token_hash  bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    PRIMARY KEY (merchant_id, token_hash),
    FOREIGN KEY (merchant_id, machine_id) REFERENCES machine
);
CREATE UNIQUE INDEX enrolment_token_hash ON enrolment_token (token_hash);

CREATE TABLE media (
    merchant_id text NOT NULL REFERENCES merchant,
    sha256      text NOT NULL,
    media_type  text NOT NULL,
    content     bytea NOT NULL CHECK (length(content) <= 2000000),
    PRIMARY KEY (merchant_id, sha256)
);
CREATE INDEX media_sha256 ON media (sha256);

CREATE TABLE product (
    merchant_id text NOT NULL REFERENCES merchant,
    product_id  text NOT NULL,
    sku         text NOT NULL,
    name_zh     text NOT NULL,
    name_en     text NOT NULL,
    detail_zh   text NOT NULL DEFAULT '',
    detail_en   text NOT NULL DEFAULT '',
    category    text NOT NULL DEFAULT '',
    price_minor bigint NOT NULL CHECK (price_minor > 0),
    image       text NOT NULL DEFAULT '',
    PRIMARY KEY (merchant_id, product_id),
    UNIQUE (merchant_id, sku)
);

CREATE TABLE planogram_slot (
    merchant_id text NOT NULL,
    machine_id  text NOT NULL,
    slot        text NOT NULL CHECK (slot ~ '^[A-Z0-9]{1,6}$'),
    product_id  text NOT NULL,
    price_minor bigint NOT NULL CHECK (price_minor > 0),
    currency    text NOT NULL,
    capacity    integer NOT NULL CHECK (capacity > 0),
    PRIMARY KEY (merchant_id, machine_id, slot),
    FOREIGN KEY (merchant_id, machine_id) REFERENCES machine,
    FOREIGN KEY (merchant_id, product_id) REFERENCES product
);

-- stock ---------------------------------------------------------------------------------------------------------------
CREATE TABLE stock_slot (
    merchant_id   text NOT NULL,
    machine_id    text NOT NULL,
    slot          text NOT NULL,
    on_hand       integer NOT NULL,
    reserved      integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    closed_reason text NOT NULL DEFAULT '',
    PRIMARY KEY (merchant_id, machine_id, slot),
    FOREIGN KEY (merchant_id, machine_id, slot) REFERENCES planogram_slot
) WITH (fillfactor = 70);

CREATE TABLE stock_move (
    merchant_id text NOT NULL,
    machine_id  text NOT NULL,
    slot        text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('loaded', 'delivered', 'adjusted')),
    quantity    integer NOT NULL,
    order_id    text NOT NULL DEFAULT '',
    unit        integer NOT NULL DEFAULT 0,
    at          timestamptz NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX stock_move_slot ON stock_move (merchant_id, machine_id, slot);

-- orders --------------------------------------------------------------------------------------------------------------
CREATE TABLE sale_order (
    merchant_id text NOT NULL,
    order_id    text NOT NULL,
    machine_id  text NOT NULL,
    request_id  text NOT NULL,
    origin      text NOT NULL CHECK (origin IN ('touch', 'code')),
    state       text NOT NULL CHECK (state IN ('awaiting_payment', 'paid', 'dispensing', 'settled', 'expired', 'cancelled')),
    closing     text NOT NULL DEFAULT '' CHECK (closing IN ('', 'expiring', 'cancelling')),
    version     integer NOT NULL,
    total_minor bigint NOT NULL CHECK (total_minor >= 0),
    currency    text NOT NULL,
    lines       jsonb NOT NULL,
    code_id     text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    PRIMARY KEY (merchant_id, order_id),
    UNIQUE (merchant_id, machine_id, request_id),
    CHECK ((ended_at IS NOT NULL) = (state IN ('settled', 'expired', 'cancelled')))
) WITH (fillfactor = 80);
CREATE INDEX sale_order_expiry ON sale_order (expires_at) WHERE state = 'awaiting_payment' AND closing = '';
CREATE INDEX sale_order_newest ON sale_order (merchant_id, created_at DESC, order_id DESC);

CREATE TABLE vend_unit (
    merchant_id text NOT NULL,
    order_id    text NOT NULL,
    unit        integer NOT NULL,
    machine_id  text NOT NULL,
    slot        text NOT NULL,
    product_id  text NOT NULL,
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    outcome     text NOT NULL CHECK (outcome IN ('pending', 'started', 'delivered', 'not_delivered', 'unknown')),
    is_final    boolean NOT NULL DEFAULT false,
    result      text NOT NULL DEFAULT '',
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (merchant_id, order_id, unit),
    FOREIGN KEY (merchant_id, order_id) REFERENCES sale_order,
    CHECK (NOT is_final OR outcome IN ('delivered', 'not_delivered', 'unknown')),
    CHECK (outcome NOT IN ('delivered', 'not_delivered') OR is_final)
) WITH (fillfactor = 80);

-- One command per unit. This is the outbox of the wire: written with the deciding fact, sent after its commit.
-- A row quotes a nonce before it is published, so a row without one was never sent.
CREATE TABLE command (
    merchant_id text NOT NULL,
    cmd_id      text NOT NULL,
    order_id    text NOT NULL,
    unit        integer NOT NULL,
    machine_id  text NOT NULL,
    slot        text NOT NULL,
    product_id  text NOT NULL,
    state       text NOT NULL CHECK (state IN ('queued', 'fencing', 'waiting', 'done')),
    epoch       bigint,
    nonce       text,
    nonce_at    timestamptz,
    queued_at   timestamptz NOT NULL,
    heard_at    timestamptz NOT NULL,
    next_try_at timestamptz NOT NULL,
    tries       integer NOT NULL DEFAULT 0,
    PRIMARY KEY (merchant_id, cmd_id),
    UNIQUE (merchant_id, order_id, unit)
) WITH (fillfactor = 70);
CREATE INDEX command_due ON command (next_try_at) WHERE state <> 'done';

-- payments ------------------------------------------------------------------------------------------------------------
CREATE TABLE payment (
    merchant_id    text NOT NULL,
    payment_id     text NOT NULL,
    order_id       text NOT NULL,
    channel        text NOT NULL,
    account        text NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor >= 0),
    currency       text NOT NULL,
    state          text NOT NULL CHECK (state IN ('created', 'unknown', 'paid', 'closed')),
    is_winning     boolean NOT NULL DEFAULT false,
    is_frozen      boolean NOT NULL DEFAULT false,
    close_wanted   boolean NOT NULL DEFAULT false,
    code_url       text NOT NULL DEFAULT '',
    transaction_id text NOT NULL DEFAULT '',
    captured_minor bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    paid_at        timestamptz,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    next_try_at    timestamptz,
    tries          integer NOT NULL DEFAULT 0,
    PRIMARY KEY (merchant_id, payment_id),
    FOREIGN KEY (merchant_id, order_id) REFERENCES sale_order,
    CHECK (state = 'paid' OR (captured_minor = 0 AND NOT is_winning))
) WITH (fillfactor = 70);
CREATE INDEX payment_order ON payment (merchant_id, order_id);
CREATE UNIQUE INDEX payment_transaction ON payment (merchant_id, channel, transaction_id) WHERE transaction_id <> '';
CREATE UNIQUE INDEX payment_winning ON payment (merchant_id, order_id) WHERE is_winning;
CREATE INDEX payment_due ON payment (next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE refund (
    merchant_id  text NOT NULL,
    payment_id   text NOT NULL,
    ordinal      integer NOT NULL CHECK (ordinal >= 1),
    refund_id    text NOT NULL,
    order_id     text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    reason       text NOT NULL,
    state        text NOT NULL CHECK (state IN ('requested', 'processing', 'unknown', 'succeeded', 'failed')),
    error        text NOT NULL DEFAULT '',
    requested_at timestamptz NOT NULL,
    ended_at     timestamptz,
    next_try_at  timestamptz,
    tries        integer NOT NULL DEFAULT 0,
    PRIMARY KEY (merchant_id, payment_id, ordinal),
    UNIQUE (merchant_id, refund_id),
    FOREIGN KEY (merchant_id, payment_id) REFERENCES payment,
    CHECK ((ended_at IS NOT NULL) = (state IN ('succeeded', 'failed')))
) WITH (fillfactor = 70);
CREATE INDEX refund_order ON refund (merchant_id, order_id);
CREATE INDEX refund_due ON refund (next_try_at) WHERE next_try_at IS NOT NULL;

-- ledger: append-only, one transaction is one INSERT, and it balances ----------------------------------------------------
CREATE TABLE ledger_transaction (
    merchant_id text NOT NULL,
    txn_key     text NOT NULL,
    kind        text NOT NULL,
    order_id    text NOT NULL,
    posted_at   timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, txn_key)
);
CREATE INDEX ledger_transaction_order ON ledger_transaction (merchant_id, order_id);

CREATE TABLE ledger_line (
    merchant_id  text NOT NULL,
    txn_key      text NOT NULL,
    line         integer NOT NULL,
    account      text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    currency     text NOT NULL,
    posted_at    timestamptz NOT NULL
) PARTITION BY RANGE (posted_at);
CREATE INDEX ledger_line_account ON ledger_line (merchant_id, account, posted_at);

CREATE FUNCTION ledger_line_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added GROUP BY merchant_id, txn_key, currency HAVING sum(amount_minor) <> 0
    ) THEN
        RAISE EXCEPTION 'a ledger transaction does not balance' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_line_balances AFTER INSERT ON ledger_line
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_line_balances();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_transaction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- inbox, outbox, evidence ---------------------------------------------------------------------------------------------
CREATE TABLE machine_fact (
    merchant_id text NOT NULL,
    machine_id  text NOT NULL,
    epoch       bigint NOT NULL,
    seq         bigint NOT NULL,
    digest      text NOT NULL,
    kind        text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, machine_id, epoch, seq)
);

CREATE TABLE notice_inbox (
    merchant_id text NOT NULL,
    channel     text NOT NULL,
    notice_id   text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, channel, notice_id)
);

CREATE TABLE outbox (
    merchant_id text NOT NULL,
    event_id    bigint GENERATED ALWAYS AS IDENTITY,
    xact        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind        text NOT NULL,
    subject     text NOT NULL,
    data        jsonb NOT NULL,
    at          timestamptz NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX outbox_event ON outbox (merchant_id, xact, event_id);

CREATE TABLE evidence (
    merchant_id text NOT NULL,
    order_id    text NOT NULL,
    entry       bigint GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL,
    source      text NOT NULL CHECK (source IN ('terminal', 'cloud', 'platform', 'operator')),
    kind        text NOT NULL,
    data        jsonb NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX evidence_order ON evidence (merchant_id, order_id, entry);
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE security_event (
    merchant_id text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL,
    kind        text NOT NULL,
    source      text NOT NULL,
    detail      jsonb NOT NULL
) PARTITION BY RANGE (at);

-- alarms and codes ----------------------------------------------------------------------------------------------------
CREATE TABLE alarm (
    merchant_id text NOT NULL,
    alarm_id    text NOT NULL,
    machine_id  text NOT NULL,
    slot        text NOT NULL DEFAULT '',
    kind        text NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('warning', 'critical')),
    state       text NOT NULL CHECK (state IN ('raised', 'acknowledged', 'cleared')),
    order_id    text NOT NULL DEFAULT '',
    detail      text NOT NULL DEFAULT '',
    count       integer NOT NULL DEFAULT 1,
    raised_at   timestamptz NOT NULL,
    cleared_at  timestamptz,
    PRIMARY KEY (merchant_id, alarm_id)
);
CREATE UNIQUE INDEX alarm_open ON alarm (merchant_id, machine_id, slot, kind) WHERE state <> 'cleared';

CREATE TABLE pickup_code (
    merchant_id text NOT NULL,
    code_id     text NOT NULL,
    machine_id  text NOT NULL,
    code_hash   bytea NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('gift', 'prize', 'prepaid')),
    product_id  text NOT NULL,
    value_minor bigint NOT NULL CHECK (value_minor > 0),
    currency    text NOT NULL,
    state       text NOT NULL CHECK (state IN ('issued', 'redeemed', 'withdrawn')),
    order_id    text NOT NULL DEFAULT '',
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, code_id),
    FOREIGN KEY (merchant_id, machine_id) REFERENCES machine,
    FOREIGN KEY (merchant_id, product_id) REFERENCES product
);
CREATE UNIQUE INDEX pickup_code_live ON pickup_code (merchant_id, machine_id, code_hash);

CREATE TABLE code_attempt (
    merchant_id text NOT NULL,
    machine_id  text NOT NULL,
    at          timestamptz NOT NULL
);
CREATE INDEX code_attempt_machine ON code_attempt (merchant_id, machine_id, at);

CREATE TABLE idempotency_key (
    merchant_id  text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       integer NOT NULL,
    answer       bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, key)
);

-- partitions by month, made ahead of need by a job; the default one takes what no job foresaw ----------------------------
CREATE FUNCTION make_month_partitions(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    first date := date_trunc('month', month);
BEGIN
    FOREACH parent IN ARRAY ARRAY['stock_move', 'ledger_line', 'outbox', 'evidence', 'security_event'] LOOP
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
            parent || to_char(first, '_YYYYMM'), parent, first, (first + interval '1 month')::date
        );
    END LOOP;
END $$;
CREATE TABLE stock_move_default PARTITION OF stock_move DEFAULT;
CREATE TABLE ledger_line_default PARTITION OF ledger_line DEFAULT;
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
CREATE TABLE evidence_default PARTITION OF evidence DEFAULT;
CREATE TABLE security_event_default PARTITION OF security_event DEFAULT;

-- who may do what -----------------------------------------------------------------------------------------------------
-- vendomat_merchant: one merchant's people, bound by a setting; vendomat_hot: the sale, across merchants;
-- vendomat_auth: who is it? A missing setting means no rows.
GRANT SELECT, INSERT, UPDATE ON merchant, operator, machine, machine_live, enrolment_token, media, product, planogram_slot,
    stock_slot, alarm, pickup_code, payment_account, idempotency_key TO vendomat_merchant;
GRANT DELETE ON planogram_slot TO vendomat_merchant;
GRANT SELECT, DELETE ON operator_session TO vendomat_merchant;
GRANT SELECT ON sale_order, vend_unit, command, payment, refund, machine_fact, notice_inbox TO vendomat_merchant;
GRANT SELECT, INSERT ON stock_move, ledger_transaction, ledger_line, outbox, evidence, security_event TO vendomat_merchant;

GRANT SELECT ON merchant, planogram_slot, product, payment_account, media TO vendomat_hot;
GRANT SELECT, UPDATE ON machine, stock_slot, enrolment_token TO vendomat_hot;
GRANT SELECT, INSERT, UPDATE ON machine_live, sale_order, vend_unit, command, payment, refund, alarm, pickup_code TO vendomat_hot;
GRANT SELECT, INSERT ON stock_move, ledger_transaction, ledger_line, outbox, evidence, security_event, machine_fact,
    notice_inbox TO vendomat_hot;
GRANT SELECT, INSERT, DELETE ON code_attempt TO vendomat_hot;
GRANT DELETE ON idempotency_key TO vendomat_hot;
GRANT SELECT ON idempotency_key TO vendomat_hot;

GRANT SELECT ON merchant, operator TO vendomat_auth;
GRANT UPDATE (password_hash) ON operator TO vendomat_auth;
GRANT SELECT, INSERT, DELETE ON operator_session, sign_in_attempt TO vendomat_auth;
GRANT SELECT, UPDATE ON machine, enrolment_token TO vendomat_auth;
GRANT SELECT ON media TO vendomat_auth;
GRANT INSERT ON security_event TO vendomat_auth;

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'merchant_id'
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_merchant ON %I TO vendomat_merchant
             USING (merchant_id = nullif(current_setting(''vendomat.merchant_id'', true), ''''))
             WITH CHECK (merchant_id = nullif(current_setting(''vendomat.merchant_id'', true), ''''))', name);
        EXECUTE format('CREATE POLICY hot_path ON %I TO vendomat_hot USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
CREATE POLICY sign_in ON operator TO vendomat_auth USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON merchant TO vendomat_auth USING (true);
CREATE POLICY sign_in ON operator_session TO vendomat_auth USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON sign_in_attempt TO vendomat_auth USING (true) WITH CHECK (true);
CREATE POLICY enrolment ON machine TO vendomat_auth USING (true) WITH CHECK (true);
CREATE POLICY enrolment ON enrolment_token TO vendomat_auth USING (true) WITH CHECK (true);
CREATE POLICY enrolment ON media TO vendomat_auth USING (true);
CREATE POLICY sign_in ON security_event TO vendomat_auth WITH CHECK (true);
