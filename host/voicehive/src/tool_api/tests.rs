//! The routes over a database in memory and a workshop that compiles nothing.

mod effort;
mod insight;
mod lifecycle;
mod refusals;
mod setting;
mod uploads;
