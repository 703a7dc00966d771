//! The maths: canonical JSON, sanitising, commitments, hashes, chain.

mod canonical;
mod commitment;
mod notes;
mod sanitise;
mod vectors;
