//! Handles what the client sends: text, buttons, and photos with their OCR.

use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{OcrInput, OcrJobCreated, OcrJobInput, OcrJobOutput};
use moltbot_audit::{Actor, Permit, RecordError};
use serde_json::{Value, json};

use super::super::scenario::{ClientInbound, MessageType};
use super::super::state::RequestState;
use super::super::texts::Say;
use super::super::world::NoPermit;
use super::Case;
use super::budget::OCR_JOBS_MAX;

const OCR_PROVIDER: &str = "gemini";
/// Below this confidence the client is asked.
const OCR_THRESHOLD: f64 = 0.6;

/// A photo, with its reading once it was read.
#[derive(Debug)]
pub(super) struct Photo {
    job_id: String,
    /// The permit to read it, until it is read.
    permit: Option<Permit>,
    /// What the context pack says about it.
    pub(super) reading: Option<Value>,
}

impl Case {
    /// The client wrote. The message is recorded already.
    pub(crate) async fn client_wrote(
        &mut self,
        inbound: &ClientInbound,
        message_id: &str,
    ) -> Result<(), RecordError> {
        let chosen = inbound.button_id.clone().or_else(|| inbound.list_id.clone());
        let text = inbound.text.clone().or(chosen);
        self.messages.push(json!({ "from": "client", "text": text }));
        self.last_active = self.world.clock().now();
        self.warn_of_time().await?;
        if self.state.is_over() {
            let handed_off = self.state == RequestState::HandedOff;
            let say = if handed_off { Say::AfterHandoff } else { Say::HumanTakesOver };
            return self.say(say).await.map(drop);
        }
        match inbound.message_type.get() {
            MessageType::Document | MessageType::Image => {
                self.photo_arrived(inbound, message_id).await
            }
            // Moltbot may ask what was meant.
            MessageType::Audio | MessageType::Interactive | MessageType::Location => {
                self.decide().await
            }
            MessageType::Text => {
                self.need = text;
                self.decide().await
            }
        }
    }

    async fn photo_arrived(
        &mut self,
        inbound: &ClientInbound,
        message_id: &str,
    ) -> Result<(), RecordError> {
        let media_id = inbound.media_fixture.clone().unwrap_or_else(|| "photo.jpg".into());
        // If the same photo is sent again, it is the same job.
        let job_id = format!("ocr-job-{media_id}");
        let reading = OcrInput {
            job_id: Some(job_id.clone()),
            provider: Some(OCR_PROVIDER.into()),
            media_id: Some(media_id.clone()),
            ..Default::default()
        };
        let key = self.trail.key(&format!("ocr:{media_id}"));
        let permit = match self.world.ask_for_photo(&self.trail, key, &reading).await? {
            Ok(permit) => permit,
            Err(NoPermit::Done) => return Ok(()),
            Err(NoPermit::Refused(refusal)) => return self.heed(&refusal).await,
        };
        if !self.state.allows(RequestState::OcrProcessing) {
            // The move below is refused and recorded. Before it, we give back what was held for the effect.
            self.world.leave(permit, "the request is past its photos").await?;
            self.move_to(RequestState::OcrProcessing, "the client sent a photo").await?;
            return self.say(Say::HumanTakesOver).await.map(drop);
        }
        self.counts.ocr_jobs += 1;
        let input = OcrJobInput {
            message_id: Some(message_id.into()),
            ocr_type: Some("prescription".into()),
            provider: Some(OCR_PROVIDER.into()),
            media_id: Some(media_id.clone()),
            media_mime_type: inbound.message_type.get().mime_type().map(Into::into),
            ..Default::default()
        };
        let output = OcrJobOutput {
            job_id: Some(job_id.clone()),
            attempt: Some(self.counts.ocr_jobs),
            attempts_max: Some(OCR_JOBS_MAX),
            ..Default::default()
        };
        self.trail.record_typed::<OcrJobCreated>(Actor::System, &input, &output).await?;
        self.photo = Some(Photo { job_id, permit: Some(permit), reading: None });
        self.move_to(RequestState::OcrProcessing, "the client sent a photo").await?;
        self.say(Say::PhotoReceived).await.map(drop)
    }

    /// The OCR worker takes the job. Moltbot decides on the reading if its turn has come.
    pub(crate) async fn read_photo(&mut self, moltbot_due: bool) -> Result<(), RecordError> {
        self.check_time().await?;
        let Some(photo) = self.photo.as_mut().filter(|_| !self.state.is_over()) else {
            return Ok(());
        };
        let Some(permit) = photo.permit.take() else { return Ok(()) };
        let read = self.world.read_photo(permit, OCR_THRESHOLD).await?;
        let unclear = match read {
            Ok(output) => {
                photo.reading = Some(json!({
                    "job_id": photo.job_id,
                    "status": output.status,
                    "extracted": output.extracted,
                    "confidence": output.confidence,
                }));
                output.needs_clarification.unwrap_or_default()
            }
            Err(_) => true,
        };
        if unclear {
            let next = RequestState::CollectingRequirements;
            self.move_to(next, "the photo could not be read well enough").await?;
        }
        match (moltbot_due, unclear) {
            (true, _) => self.decide().await,
            (false, true) => self.say(Say::ClearerPhoto).await.map(drop),
            (false, false) => Ok(()),
        }
    }
}
