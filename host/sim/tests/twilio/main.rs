//! Twilio's whole side, simulated, against a small platform made here.
#![cfg(test)]

mod faults;
mod outbound;
mod platform;
mod rest;
mod transfer;
mod verbs;
