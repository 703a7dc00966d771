//! The sealed form of an event: what is sealed, and what no host may seal.

mod reserved;
mod seal;
mod signing_keys;
