//! What operators see of the host at work.

mod traces;
