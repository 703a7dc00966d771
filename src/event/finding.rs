//! What reconciliation can find: closed sets, so that a finding holds nothing that a person wrote.

use super::closed_sets::closed_set;

closed_set! {
    /// What a comparison of the trail with the host's tables, or with the provider's bill, found.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "snake_case")]
    FindingCode {
        /// The bill has two lines for one call.
        BilledTwice = "billed_twice",
        /// A call was placed without a consent that held.
        CallWithoutConsent = "call_without_consent",
        /// Both sides have it, and do not agree.
        Differs = "differs",
        /// It is unknown whether an effect was performed.
        EffectInDoubt = "effect_in_doubt",
        /// A step that the state machine does not have.
        IllegalTransition = "illegal_transition",
        /// The trail has a call that the bill does not have.
        MissingInBill = "missing_in_bill",
        /// The trail has it, and the host's tables do not.
        MissingInTables = "missing_in_tables",
        /// The host's tables or the bill have it, and the trail does not.
        MissingInTrail = "missing_in_trail",
        /// A message was sent and did not arrive.
        NotDelivered = "not_delivered",
        /// An effect still holds what it reserved of a budget, although its lease has run out.
        ReservationNotSettled = "reservation_not_settled",
        /// Time and tokens fit more than one call, so it is not certain which one a line of the bill is for.
        Uncertain = "uncertain",
        /// A value or a line cannot be read, so nothing was compared. It counts as unknown, never as 0.
        Unreadable = "unreadable",
    }
}

closed_set! {
    /// How bad a finding is.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "snake_case")]
    Severity {
        /// One side is wrong, or a promise was broken.
        Error = "error",
        /// Somebody should know.
        Warning = "warning",
    }
}

closed_set! {
    /// What a finding is about.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "snake_case")]
    Subject {
        /// A line of the provider's bill.
        BillLine = "bill_line",
        /// A phone call.
        Call = "call",
        /// A consent to calls.
        Consent = "consent",
        /// The conversation.
        Conversation = "conversation",
        /// An admitted effect.
        Effect = "effect",
        /// A message to or from a client.
        Message = "message",
        /// A call of a model.
        ModelCall = "model_call",
        /// A photo that was to be read.
        OcrJob = "ocr_job",
        /// A message to a vendor.
        Outreach = "outreach",
        /// What a vendor replied.
        Reply = "reply",
        /// The request.
        Request = "request",
        /// The shortlist.
        Shortlist = "shortlist",
    }
}

closed_set! {
    /// In which respect two sides differ.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "snake_case")]
    Aspect {
        /// Tokens of the input that the provider read from a cache.
        CacheReadTokens = "cache_read_tokens",
        /// Tokens of the input that the provider wrote to a cache.
        CacheCreationTokens = "cache_creation_tokens",
        /// How sure the reader of a photo is.
        Confidence = "confidence",
        /// The conversation it belongs to.
        Conversation = "conversation",
        /// What it cost, in millionths of a US dollar.
        Cost = "cost",
        /// Inbound or outbound.
        Direction = "direction",
        /// How many seconds it lasted.
        Duration = "duration",
        /// Tokens of the input.
        InputTokens = "input_tokens",
        /// The model that answered.
        Model = "model",
        /// The order of the vendors.
        Order = "order",
        /// Tokens of the answer.
        OutputTokens = "output_tokens",
        /// A price, in whole Rwandan francs.
        Price = "price",
        /// Tokens of reasoning.
        ReasoningTokens = "reasoning_tokens",
        /// The state it is in.
        State = "state",
        /// The status it has.
        Status = "status",
        /// What was written: only the numbers of characters are shown.
        Text = "text",
        /// When it was.
        Time = "time",
        /// The type of a message.
        Type = "type",
        /// Which vendors there are.
        Vendors = "vendors",
    }
}

/// A finding in one sentence. The sides are words of closed sets, numbers or times.
pub(crate) fn sentence(
    code: FindingCode,
    subject: Subject,
    aspect: Option<Aspect>,
    (trail, other): (&str, &str),
) -> String {
    let what = noun(subject);
    let is_of_bill = matches!(subject, Subject::BillLine | Subject::ModelCall);
    let elsewhere = if is_of_bill { "the bill" } else { "the tables" };
    let respect = aspect.map(|aspect| aspect.as_str().replace('_', " "));
    let respect = respect.as_deref().unwrap_or("content");
    match code {
        FindingCode::BilledTwice => format!("{what} was billed twice"),
        FindingCode::CallWithoutConsent => {
            format!("{what} was placed without a consent that held")
        }
        FindingCode::Differs => {
            format!("{what}: its {respect} is {trail} in the trail and {other} in {elsewhere}")
        }
        FindingCode::EffectInDoubt => format!("it is unknown whether {what} was performed"),
        FindingCode::IllegalTransition => {
            format!("{what} took a step that the state machine does not have")
        }
        FindingCode::MissingInBill => {
            format!("{what} is in the trail, and the bill has no line for it")
        }
        FindingCode::MissingInTables => format!("{what} is in the trail, and not in the tables"),
        FindingCode::MissingInTrail => format!("{what} is in {elsewhere}, and not in the trail"),
        FindingCode::NotDelivered => format!("{what} was sent and did not arrive: {trail}"),
        FindingCode::ReservationNotSettled => {
            format!("{what} still holds what it reserved, although its lease has run out")
        }
        FindingCode::Uncertain => {
            format!("{what} was matched by time and tokens, and {other} calls fit it")
        }
        FindingCode::Unreadable => {
            format!("{what}: its {respect} cannot be read in {elsewhere}, so it was not compared")
        }
    }
}

fn noun(subject: Subject) -> &'static str {
    match subject {
        Subject::BillLine => "the line of the bill",
        Subject::Call => "the call",
        Subject::Consent => "the consent",
        Subject::Conversation => "the conversation",
        Subject::Effect => "the effect",
        Subject::Message => "the message",
        Subject::ModelCall => "the call of the model",
        Subject::OcrJob => "the OCR job",
        Subject::Outreach => "the message to the vendor",
        Subject::Reply => "the vendor's reply",
        Subject::Request => "the request",
        Subject::Shortlist => "the shortlist",
    }
}
