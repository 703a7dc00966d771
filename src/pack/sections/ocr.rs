//! Photos that were read.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::finding::Finding;
use super::typed_events::{OtherShape, Source, TypedEvent, is_hidden, typed, typed_as};
use crate::event::EventType;
use crate::event::payload::{OcrJobCreated, OcrJobDone};
use crate::pack::PackEvent;

/// One job: how it was created, and how it ended.
#[derive(Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OcrJob {
    /// The host's row for the job.
    pub job_id: Option<String>,
    /// The event that created it.
    pub created: Option<Source>,
    /// The event that ended it.
    pub ended: Option<Source>,
    /// `prescription`, `invoice`, …
    pub ocr_type: Option<String>,
    /// Who read it.
    pub provider: Option<String>,
    /// The provider's id of the media.
    pub media_id: Option<String>,
    /// `completed`, `failed`.
    pub result: Option<String>,
    /// What the photo says.
    pub extracted: Option<Value>,
    /// How sure the reader is, 0 to 1.
    #[serde(serialize_with = "crate::json::number")]
    pub confidence: Option<f64>,
    /// How sure it is of each field, 0 to 1.
    #[serde(serialize_with = "crate::json::number")]
    pub field_confidence: BTreeMap<String, Option<f64>>,
    /// The confidence below which the client is asked.
    #[serde(serialize_with = "crate::json::number")]
    pub threshold: Option<f64>,
    /// Whether the client has to be asked.
    pub needs_clarification: Option<bool>,
    /// What the reader noticed.
    pub warnings: Vec<String>,
    /// A payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn jobs(events: &[PackEvent]) -> Vec<OcrJob> {
    let mut jobs: Vec<OcrJob> = typed::<OcrJobCreated>(events)
        .map(|created| OcrJob {
            job_id: created.output.job_id,
            created: Some(created.source),
            ocr_type: created.input.ocr_type,
            provider: created.input.provider,
            media_id: created.input.media_id,
            other_shape: created.other_shape,
            ..OcrJob::default()
        })
        .collect();
    let mut ends: Vec<_> = typed::<OcrJobDone>(events)
        .chain(typed_as::<OcrJobDone>(events, EventType::OCR_JOB_FAILED))
        .collect();
    ends.sort_by_key(|end| end.source.seq);
    let mut open: HashMap<_, VecDeque<_>> = HashMap::new();
    for (at, job) in jobs.iter().enumerate() {
        open.entry(job.job_id.clone()).or_default().push_back(at);
    }
    for end in ends {
        let created = |jobs: &[OcrJob], at: usize| jobs[at].created.as_ref().map(|by| by.seq);
        // This event cannot have ended a job that was created later.
        let is_before = |at: &mut usize| created(&jobs, *at) < Some(end.source.seq);
        let waiting = open.get_mut(&end.input.job_id);
        let first_open = waiting.and_then(|waiting| waiting.pop_front_if(is_before));
        let at = first_open.unwrap_or_else(|| {
            jobs.push(OcrJob { job_id: end.input.job_id.clone(), ..OcrJob::default() });
            jobs.len() - 1
        });
        finish(&mut jobs[at], end);
    }
    jobs
}

/// Readings without a job that was created for them.
pub(super) fn findings(events: &[PackEvent]) -> Vec<Finding> {
    let jobs = jobs(events);
    let mut findings = Vec::new();
    for job in jobs.iter().filter(|job| job.created.is_none()) {
        let Some(ended) = job.ended.as_ref().filter(|_| !is_hidden(job.job_id.as_deref())) else {
            continue;
        };
        let id = job.job_id.as_deref().unwrap_or("without an id");
        // A host that never records that a job was created contradicts nothing.
        let is_same = |other: &&OcrJob| other.job_id == job.job_id;
        let created = jobs.iter().filter(is_same).filter_map(|other| other.created.as_ref());
        let was_before = created.clone().any(|created| created.seq < ended.seq);
        let what = match (was_before, created.min_by_key(|created| created.seq)) {
            (true, _) => format!("OCR job {id} ends again, and was not created again"),
            (false, Some(created)) => {
                format!("OCR job {id} ends before event {} creates it", created.seq)
            }
            (false, None) => continue,
        };
        findings.push(Finding::at(ended, what));
    }
    findings
}

fn finish(job: &mut OcrJob, end: TypedEvent<OcrJobDone>) {
    job.result =
        end.output.status.or_else(|| (!end.source.succeeded()).then(|| "failed".to_owned()));
    job.ended = Some(end.source);
    job.provider = end.input.provider.or(job.provider.take());
    job.media_id = end.input.media_id.or(job.media_id.take());
    job.extracted = end.output.extracted;
    job.confidence = end.output.confidence;
    job.field_confidence = end.output.field_confidence;
    job.threshold = end.output.threshold;
    job.needs_clarification = end.output.needs_clarification;
    job.warnings = end.output.warnings;
    job.other_shape = end.other_shape.or(job.other_shape.take());
}
