//! Photos read by OCR.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{event, payload};

event! {
    /// A photo was queued for OCR.
    OcrJobCreated = OCR_JOB_CREATED(OcrJobInput, OcrJobOutput);
    /// OCR ended with a reading.
    OcrJobDone = OCR_JOB_DONE(OcrInput, OcrOutput);
}

payload! {
    /// What is to be read.
    OcrJobInput {
        /// The message that carried the photo.
        message_id: Option<String>,
        /// `prescription`, `invoice`, …
        ocr_type: Option<String>,
        /// Who reads it.
        provider: Option<String>,
        /// The provider's id of the media; never its URL.
        media_id: Option<String>,
        /// The media's type.
        media_mime_type: Option<String>,
    }

    /// The job.
    OcrJobOutput {
        /// The host's row for the job.
        job_id: Option<String>,
        /// Which job of this request it is, from 1.
        attempt: Option<u32>,
        /// How many jobs the request may have.
        attempts_max: Option<u32>,
    }

    /// What was read.
    OcrInput {
        /// The host's row for the job.
        job_id: Option<String>,
        /// Who read it.
        provider: Option<String>,
        /// The provider's id of the media; never its URL.
        media_id: Option<String>,
    }

    /// The reading.
    OcrOutput {
        /// `completed`, `failed`.
        status: Option<String>,
        /// What the photo says.
        #[serde(deserialize_with = "crate::json::deserialize_option")]
        extracted: Option<Value>,
        /// How sure the reader is, 0 to 1.
        #[serde(serialize_with = "crate::json::number")]
        confidence: Option<f64>,
        /// How sure it is of each field, 0 to 1.
        #[serde(serialize_with = "crate::json::number")]
        field_confidence: BTreeMap<String, Option<f64>>,
        /// Below which confidence the client is asked.
        #[serde(serialize_with = "crate::json::number")]
        threshold: Option<f64>,
        /// Whether the client has to be asked.
        needs_clarification: Option<bool>,
        /// What the reader noticed.
        warnings: Vec<String>,
    }
}
