//! The secret key of a signer.

use ed25519_dalek as dalek;
use ed25519_dalek::Signer as _;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::VerifierKey;
use super::key_text::{KeyError, KeyText, check_name, write_secret};

/// A secret Ed25519 key with its name. It has neither `Clone` nor `Debug`.
pub(crate) struct SigningKey {
    secret: dalek::SigningKey,
    public: VerifierKey,
}

const fn is_wiped_when_dropped<T: ZeroizeOnDrop>() {}
const _: () = is_wiped_when_dropped::<dalek::SigningKey>();

impl SigningKey {
    pub(crate) fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        let secret = dalek::SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, secret.verifying_key());
        Ok(Self { secret, public })
    }

    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        let text = KeyText::parse_secret(text)?;
        let key = Self::from_seed(text.name, &text.bytes)?;
        text.check_id(key.public.id())?;
        Ok(key)
    }

    pub(crate) fn public(&self) -> &VerifierKey {
        &self.public
    }

    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        write_secret(self.public.name(), self.public.id(), self.secret.as_bytes())
    }

    pub(super) fn sign(&self, text: &str) -> [u8; 64] {
        self.secret.sign(text.as_bytes()).to_bytes()
    }
}
