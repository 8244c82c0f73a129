ALTER TABLE calls DROP COLUMN carrier_account;
DROP TABLE carrier_accounts;
