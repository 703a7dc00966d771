//! Columns with closed sets of values, so that no free text reaches a header.

/// Declares an enum that is stored as `snake_case` text.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value as it is stored.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The value of a stored text, or `None` if the text is not in the set.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        crate::json::schema_of!($name, {
            "type": "string",
            "enum": Self::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>(),
        });

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use closed_set;

closed_set! {
    /// Who acted. The person's identity belongs in the event's input, where it can be hidden and
    /// erased.
    Actor {
        /// An operator.
        Admin = "admin",
        /// The person who asks.
        Client = "client",
        /// The AI.
        Moltbot = "moltbot",
        /// The orchestrator.
        System = "system",
        /// A shop.
        Vendor = "vendor",
    }
}

closed_set! {
    /// The outcome of what the event reports.
    Outcome {
        /// The future was dropped before it ended, so it is unknown what it did.
        Cancelled = "cancelled",
        /// It was tried and failed.
        Failed = "failed",
        /// The host's code panicked.
        Panicked = "panicked",
        /// It was not allowed to start.
        Refused = "refused",
        /// It happened.
        Succeeded = "succeeded",
    }
}

closed_set! {
    /// Why something did not succeed. The error's text belongs in the event's output.
    ErrorCode {
        /// Another call is under way.
        AlreadyInCall = "already_in_call",
        /// A limit of the request is used up.
        BudgetExceeded = "budget_exceeded",
        /// Calling is switched off.
        CallingDisabled = "calling_disabled",
        /// The caller gave up before the effect ended.
        Cancelled = "cancelled",
        /// The client declined.
        ConsentDenied = "consent_denied",
        /// The consent lapsed.
        ConsentExpired = "consent_expired",
        /// A call was placed too recently.
        CooldownActive = "cooldown_active",
        /// The host's call returned an error.
        EffectFailed = "effect_failed",
        /// The same effect began before and is in doubt.
        InDoubt = "in_doubt",
        /// The same effect is under way.
        InProgress = "in_progress",
        /// The answer broke its contract.
        InvalidOutput = "invalid_output",
        /// The request is in a state that does not allow this.
        InvalidState = "invalid_state",
        /// The idempotency key was used with another input.
        KeyConflict = "key_conflict",
        /// There is no consent.
        NoConsent = "no_consent",
        /// It certainly did not happen.
        NotPerformed = "not_performed",
        /// The host's code panicked.
        Panicked = "panicked",
        /// An external provider failed.
        ProviderError = "provider_error",
        /// A rate limit was hit.
        RateLimited = "rate_limited",
        /// A kill switch is engaged, or it is unknown whether it is.
        SwitchedOff = "switched_off",
        /// The request is over its time limit.
        TimeExceeded = "time_exceeded",
        /// It took too long.
        TimedOut = "timed_out",
        /// The store that decides could not be asked.
        Unavailable = "unavailable",
    }
}

closed_set! {
    /// The period over which a budget is counted.
    Period {
        /// A day of the database, in UTC.
        Day = "day",
        /// One request.
        Request = "request",
    }
}

closed_set! {
    /// How an [`Identity`](super::Identity) is known.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "snake_case")]
    IdentityHow {
        /// A name was typed. Nothing proves it.
        Claimed = "claimed",
        /// The host's program says that it verified it. Anyone with the host's login to the database can say so too.
        Host = "host",
        /// The API gateway verified a signed token, and logged in to the database under its own name.
        Jwt = "jwt",
        /// The database: the name under which the session logged in. It stands for one person only if the login is not
        /// shared.
        Session = "session",
    }
}
