//! The routes over a database in memory and a workshop that compiles nothing.

mod carrier_accounts;
mod effort;
mod insight;
mod lifecycle;
mod refusals;
mod setting;
mod uploads;
