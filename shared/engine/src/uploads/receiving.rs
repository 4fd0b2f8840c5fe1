//! Taking a file in as its bytes come: sealed part by part, never held whole.

use super::bytes::{self, BytesError, PART_BYTES};
use super::{Upload, UploadWork, deciding, note_run};
use crate::audit::{self, Action, Actor};
use crate::connections::{self, Provider};
use crate::error::Error;
use crate::keys;
use crate::log::Log;
use crate::ports::{Clock, Random, Store};
use crate::record;
use crate::runs::{self, Trigger, TriggerKind};
use crate::seal::SealKeys;
use crate::secrets;
use connectors::files::csv::Hints;
use connectors::files::kind::{KindError, SNIFF_BYTES, Sniffed};
use mapping::account::Role;
use mapping::ids::{ConnectionId, TenantId, UploadId};

/// Largest file, in bytes: 200,000 people in a workbook have some 20 MB, in CSV some 25.
pub const UPLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Longest name of a file, in bytes; a longer one is not kept.
const FILE_NAME_BYTES_MAX: usize = 255;

/// Why a file is not taken. Nothing is kept of it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UploadError {
    /// Another file of the tenant is waiting to be read.
    #[error("another file is waiting to be read: try again in a minute")]
    Busy,
    /// Its bytes could not be kept.
    #[error(transparent)]
    Bytes(#[from] BytesError),
    /// The connection is not one for files, or not in use.
    #[error("the connection {0} does not take files: make one with the provider csv and save it")]
    Connection(ConnectionId),
    /// It is nothing that can be read.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// It is too large.
    #[error("a file may have at most {UPLOAD_BYTES_MAX} bytes: send it in several parts")]
    Large,
    /// The connection is not there.
    #[error("there is no such connection")]
    NoConnection,
    /// A CSV file does not say what the people in it are.
    #[error(
        "say what the people in the file are: role=student, role=teacher or role=admin, or send a file with a column Role and role=any"
    )]
    NoRole,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// What the sender says about a file.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// The connection whose people it lists.
    pub connection: ConnectionId,
    /// Its name.
    pub file_name: Option<String>,
    /// What everybody in it is; `None` when each row or sheet says so.
    pub role: Option<Role>,
    /// True when `role` is left to the rows on purpose.
    pub any_role: bool,
    /// True when it lists everybody.
    pub complete: bool,
    /// How it is written, as far as the sender knows.
    pub hints: Hints,
}

/// A file on its way in.
pub struct Receiver<'a, P> {
    ports: &'a P,
    seal_keys: &'a SealKeys,
    tenant: &'a TenantId,
    who: &'a Actor,
    new: NewUpload,
    id: UploadId,
    sniffed: Option<Sniffed>,
    held: Vec<u8>,
    part: u32,
    bytes: u64,
}

impl<'a, P: Store + Clock + Random> Receiver<'a, P> {
    /// Begins, if the connection takes files.
    pub async fn begin(
        ports: &'a P,
        seal_keys: &'a SealKeys,
        (tenant, who): (&'a TenantId, &'a Actor),
        new: NewUpload,
    ) -> Result<Self, UploadError> {
        let connection = connections::read(ports, tenant, &new.connection).await?;
        let connection = connection.ok_or(UploadError::NoConnection)?;
        if connection.provider != Provider::Csv || !connection.is_active() {
            return Err(UploadError::Connection(new.connection));
        }
        let id = UploadId::parse(secrets::random_id(ports, "up")).map_err(|error| {
            // Its letters are those of ids.
            Error::Busy(error.to_string())
        })?;
        Ok(Self {
            ports,
            seal_keys,
            tenant,
            who,
            new,
            id,
            sniffed: None,
            held: Vec::new(),
            part: 0,
            bytes: 0,
        })
    }

    /// Takes the next bytes.
    pub async fn push(&mut self, mut more: &[u8]) -> Result<(), UploadError> {
        self.bytes += more.len() as u64;
        if self.bytes > UPLOAD_BYTES_MAX {
            return Err(UploadError::Large);
        }
        while !more.is_empty() {
            let room = PART_BYTES - self.held.len();
            let (now, later) = more.split_at(room.min(more.len()));
            self.held.extend_from_slice(now);
            more = later;
            if self.sniffed.is_none() && self.held.len() >= SNIFF_BYTES {
                self.sniff()?;
            }
            if self.held.len() == PART_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Everything came: notes the upload and asks for the run that reads it.
    pub async fn finish(mut self) -> Result<Upload, UploadError> {
        if self.sniffed.is_none() {
            self.sniff()?;
        }
        if !self.held.is_empty() {
            self.flush().await?;
        }
        let now_ms = self.ports.now().as_millisecond();
        let file_name = self.new.file_name.take();
        let upload = Upload {
            id: self.id.clone(),
            connection: self.new.connection.clone(),
            file_name: file_name.filter(|name| name.len() <= FILE_NAME_BYTES_MAX),
            role: self.new.role,
            complete: self.new.complete,
            hints: self.new.hints,
            bytes: self.bytes,
            by: self.who.clone(),
            sent_at_ms: now_ms,
        };
        let (ports, tenant) = (self.ports, self.tenant);
        let what = Action::FileSent;
        audit::record(ports, tenant, self.who, what, self.id.as_str()).await?;
        let key = keys::upload(tenant, &self.id, "sent");
        record::write(ports, &key, &upload)
            .await
            .map_err(Error::from)?;
        let list = Log::new(keys::uploads(tenant));
        list.append(ports, &self.id).await.map_err(Error::from)?;
        let work = UploadWork {
            upload: self.id.clone(),
            acceptance: None,
        };
        let trigger = Trigger {
            kind: TriggerKind::Upload,
            by: self.who.name().to_owned(),
        };
        let run = runs::request_alone(ports, tenant, runs::Lane::Upload, trigger, &work).await?;
        let Some(run) = run else {
            deciding::set_discarded(ports, tenant, &self.id).await?;
            return Err(UploadError::Busy);
        };
        note_run(ports, tenant, &self.id, &run).await?;
        Ok(upload)
    }

    /// Forgets what came so far: the sender went away, or the file is not taken.
    pub async fn abandon(self) -> Result<(), Error> {
        bytes::forget(self.ports, self.tenant, &self.id, self.bytes).await
    }

    /// Looks at the first bytes; nothing is kept of a file that is not taken.
    fn sniff(&mut self) -> Result<(), UploadError> {
        let name = self.new.file_name.as_deref().unwrap_or_default();
        let sniffed = Sniffed::of(&self.held, name)?;
        let is_table = sniffed == Sniffed::Csv;
        if is_table && self.new.role.is_none() && !self.new.any_role {
            return Err(UploadError::NoRole);
        }
        self.sniffed = Some(sniffed);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), UploadError> {
        let at = (self.tenant, &self.id);
        bytes::write(self.ports, self.seal_keys, at, self.part, &self.held).await?;
        self.part += 1;
        self.held.clear();
        Ok(())
    }
}
