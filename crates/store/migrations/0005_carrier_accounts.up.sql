-- Tenants' own accounts with carriers, and by which account each call goes.

-- `account` is what the carrier calls it: Twilio's account SID, Telnyx's connection id. `sealed` opens it, to whoever has the
-- host's key.
CREATE TABLE carrier_accounts (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    carrier TEXT NOT NULL,
    account TEXT NOT NULL,
    sealed TEXT NOT NULL,
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, carrier)
);

-- `platform`, or `own:` and the account; null where the tenant's own is meant if it has one.
ALTER TABLE calls ADD COLUMN carrier_account TEXT;
