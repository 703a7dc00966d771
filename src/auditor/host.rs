//! The host's program, as its events name it.

use std::collections::BTreeMap;

use crate::proof::Digest;

/// The host's program, and what it works by.
///
/// Each event of an auditor names its [writer](crate::record::Header::writer_id): the process, its program with version and
/// commit, and digests of the prompts, policies and rules that were in force in it. Packs show them.
///
/// ```
/// use moltbot_audit::auditor::Host;
///
/// let host = Host::new("orchestrator", "1.4.2")
///     .commit("8f3c1d0")
///     .works_by("prompt:planner", "You are Moltbot, a concierge …")
///     .works_by("policy:ranking", "v3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub(super) program: String,
    pub(super) version: String,
    pub(super) commit: Option<String>,
    pub(super) digests: BTreeMap<String, Digest>,
}

impl Host {
    /// A program, by its name and version. They are recorded as they are.
    #[must_use]
    pub fn new(program: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            version: version.into(),
            commit: None,
            digests: BTreeMap::new(),
        }
    }

    /// Sets the commit that the program was built from.
    #[must_use]
    pub fn commit(mut self, commit: impl Into<String>) -> Self {
        self.commit = Some(commit.into());
        self
    }

    /// Names something that the program works by, such as a prompt, a policy or a ranking rule. Only the SHA-256 of its
    /// content is recorded.
    #[must_use]
    pub fn works_by(mut self, what: impl Into<String>, content: impl AsRef<[u8]>) -> Self {
        self.digests.insert(what.into(), Digest::of(&[content.as_ref()]));
        self
    }
}
