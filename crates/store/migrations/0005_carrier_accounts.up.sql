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

-- `platform`, `own:` and the account, or `nobody` where the tenant's keys proved the call and it had set no account; null
-- before a carrier was asked for it, and with carriers with whom nobody has an account here. The calls so far are the
-- platform's: there was no other account.
ALTER TABLE calls ADD COLUMN carrier_account TEXT;
UPDATE calls SET carrier_account = 'platform' WHERE carrier IN ('twilio', 'telnyx');
