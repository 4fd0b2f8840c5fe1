//! The private half of a key: made, sealed, opened, and signing.

use super::SigningError;
use super::ring::PublicKey;
use crate::keys;
use crate::ports::{Random, Store};
use crate::record::{self, RecordError};
use crate::seal::{SealKeys, Sealed};
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::rand_core::{self, CryptoRng, RngCore};
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bits of the modulus.
const BITS: usize = 2_048;

/// Our port for randomness as the `rsa` crate takes it.
struct PortRng<'a, R>(&'a R);

impl<R: Random> RngCore for PortRng<'_, R> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

/// The port is for secrets.
impl<R: Random> CryptoRng for PortRng<'_, R> {}

/// A key that can sign.
pub(super) struct PrivateKey {
    kid: String,
    key: RsaPrivateKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateKey").field(&self.kid).finish()
    }
}

impl PrivateKey {
    /// Makes a key. Takes a second or two in a component, and nothing else happens there meanwhile.
    pub(super) fn generate(
        random: &impl Random,
        from_ms: i64,
    ) -> Result<(Self, PublicKey), SigningError> {
        let unusable = |_| SigningError::Key("that is new".to_owned());
        let key = RsaPrivateKey::new(&mut PortRng(random), BITS).map_err(unusable)?;
        let public = PublicKey::new(key.n(), key.e(), from_ms);
        let kid = public.kid.clone();
        Ok((Self { kid, key }, public))
    }

    /// Keeps it, sealed for its id.
    pub(super) async fn write(
        &self,
        ports: &(impl Store + Random),
        seal_keys: &SealKeys,
    ) -> Result<(), SigningError> {
        let der = self.key.to_pkcs1_der().map_err(|_| self.unusable())?;
        let record = keys::signing_key(&self.kid);
        let sealed = seal_keys.seal(ports, &record, der.as_bytes())?;
        Ok(record::write(ports, &record, &sealed).await?)
    }

    /// Opens the key of this id.
    pub(super) async fn read(
        store: &impl Store,
        seal_keys: &SealKeys,
        kid: &str,
    ) -> Result<Self, SigningError> {
        let record = keys::signing_key(kid);
        let sealed: Option<Sealed> = record::read(store, &record).await?;
        let absent = || RecordError::Absent {
            key: record.clone(),
        };
        let der = seal_keys.open(&record, &sealed.ok_or_else(absent)?)?;
        let unusable = |_| SigningError::Key(kid.to_owned());
        Ok(Self {
            kid: kid.to_owned(),
            key: RsaPrivateKey::from_pkcs1_der(&der).map_err(unusable)?,
        })
    }

    /// Its id.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The RS256 signature of a text. The arithmetic below takes a time that depends on its numbers
    /// (RUSTSEC-2023-0071), so each signature is blinded: those are random ones, which nobody who
    /// measures has chosen or knows.
    pub(super) fn sign(&self, random: &impl Random, text: &[u8]) -> Result<Vec<u8>, SigningError> {
        let digest = Sha256::digest(text);
        let padding = Pkcs1v15Sign::new::<Sha256>();
        let signed = self
            .key
            .sign_with_rng(&mut PortRng(random), padding, &digest);
        signed.map_err(|_| self.unusable())
    }

    fn unusable(&self) -> SigningError {
        SigningError::Key(self.kid.clone())
    }
}
