//! Plays a concierge request through the library, and exports and verifies its packs.
mod simulation;
fn main() {}
