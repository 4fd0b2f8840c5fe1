//! Reads a file that was sent: its rows first, cut into buckets by whose they are, then bucket by
//! bucket the people that they make. What was gathered is written before the state that counts it,
//! and a file that is read again gives the same snapshot.

use super::bytes::{BytesError, Sent};
use super::folding::{Folding, StagedRow};
use super::report::{BadContent, BadRow, BadRows, Report};
use super::{Upload, UploadWork, read};
use crate::error::Error;
use crate::evaluation::internal;
use crate::fetching::{AbsenceMeaning, StagedSnapshot, progress_key};
use crate::keys;
use crate::ports::{Clock, Random, Store, StoreError};
use crate::record::{self, ListEncoder, PIECE_BYTES};
use crate::runs::{self, Failure, Run};
use crate::seal::SealKeys;
use crate::slices::SliceOutcome;
use crate::staging::{BUCKETS, Stage, bucket_of, write_all};
use connectors::fetch::{Batch, ChainId, Totals};
use connectors::files::oneroster::{Mode, Package, PackageRow, Table as PackedTable, TableTaken};
use connectors::files::roster::{RowProblem, Taken};
use connectors::files::sheet::Content;
use connectors::files::upload::{self, Next, Options, Place, Refusal};
use connectors::files::{self, Secret};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mapping::account::Email;
use mapping::ids::{ExternalId, RunId, TenantId};
use mapping::schooling::{School, Schooling};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much else is gathered before it is written.
const GATHERED_MAX: usize = 8_192;

/// How many bytes of rows are gathered before they are written: some 20,000 rows, so that a value is
/// worth its write and a bucket is read in few pieces.
const ROW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many passwords are gathered for one bucket; sealed they have to fit into a value.
const SECRETS_PER_BUCKET_MAX: usize = 256;

/// How many rows are read between two looks at the clock.
const ROWS_BETWEEN_LOOKS: usize = 512;

/// Most schools that one file may name.
const SCHOOLS_MAX: usize = 10_000;

/// How far reading is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Reading {
    /// Where in the file; `None` before its first row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    /// True once all rows were read.
    #[serde(default)]
    is_read: bool,
    /// What a package consists of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    package: Option<Package>,
    /// How many parts the rows have.
    #[serde(default)]
    row_parts: u32,
    /// The bucket whose people are made next, once all rows are read.
    #[serde(default)]
    next_bucket: u32,
    /// What was found.
    report: Report,
    /// Schools and offices that were named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    schools: BTreeMap<ExternalId, School>,
    /// What later phases read without knowing the rest.
    #[serde(flatten)]
    staged: StagedSnapshot,
}

/// Why a file can't be read on.
enum Stop {
    /// The surroundings failed.
    Engine(Error),
    /// What the person who sent it is told.
    Refused(String),
}

impl From<BytesError> for Stop {
    fn from(error: BytesError) -> Self {
        match error {
            BytesError::Engine(error) => Stop::Engine(error),
            BytesError::Seal(error) => Stop::Refused(error.to_string()),
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal.to_string())
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Engine(error.into())
    }
}

/// Does a bounded part of reading the file of a run.
pub async fn slice<P: Store + Clock + Random>(
    ports: &P,
    seal_keys: &SealKeys,
    tenant: &TenantId,
    run: &Run,
    deadline: Timestamp,
) -> Result<SliceOutcome, Error> {
    let work: Option<UploadWork> = runs::work_alone(ports, tenant, &run.id).await?;
    let upload = match &work {
        Some(work) => read(ports, tenant, &work.upload).await?,
        None => None,
    };
    let Some(upload) = upload else {
        let failure = internal("the file of the run is gone");
        return Ok(SliceOutcome::Failed { failure });
    };
    let mut sent = Sent::open(ports, seal_keys, tenant, &upload.id, upload.bytes);
    let key = progress_key(tenant, &run.id);
    let stored: Option<Reading> = record::read(ports, &key).await?;
    let mut work = Work {
        ports,
        seal_keys,
        tenant,
        run,
        upload: &upload,
        stage: Stage::new(tenant, &upload.connection, &run.id),
        rows: BTreeMap::new(),
        secrets: BTreeMap::new(),
        bad: BadRows::default(),
        gathered: 0,
        row_bytes: 0,
        is_bucket_full: false,
        reading: stored.unwrap_or_default(),
    };
    match work.go_on(&mut sent, deadline).await {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Engine(error)) => Err(error),
        Err(Stop::Refused(reason)) => Ok(SliceOutcome::Failed {
            failure: Failure {
                code: "file_unreadable".to_owned(),
                message: format!("{reason}; nothing was changed"),
            },
        }),
    }
}

struct Work<'a, P> {
    ports: &'a P,
    seal_keys: &'a SealKeys,
    tenant: &'a TenantId,
    run: &'a Run,
    upload: &'a Upload,
    stage: Stage,
    rows: BTreeMap<u32, ListEncoder>,
    secrets: BTreeMap<u32, Vec<(Email, String)>>,
    bad: BadRows,
    gathered: usize,
    row_bytes: usize,
    /// Some bucket has as much as fits into a value.
    is_bucket_full: bool,
    reading: Reading,
}

impl<P: Store + Clock + Random> Work<'_, P> {
    async fn go_on(
        &mut self,
        sent: &mut Sent<'_, P>,
        deadline: Timestamp,
    ) -> Result<SliceOutcome, Stop> {
        if self.reading.staged.complete.is_some() {
            return Ok(SliceOutcome::Done);
        }
        if !self.reading.is_read && !self.rows(sent, deadline).await? {
            return Ok(SliceOutcome::More);
        }
        while self.reading.next_bucket < BUCKETS {
            if self.ports.now() >= deadline {
                return Ok(SliceOutcome::More);
            }
            self.fold().await?;
        }
        self.finish().await?;
        Ok(SliceOutcome::Done)
    }

    /// Reads rows on; false when the time is up.
    async fn rows(&mut self, sent: &mut Sent<'_, P>, deadline: Timestamp) -> Result<bool, Stop> {
        let options = Options {
            file_name: self.upload.file_name.clone().unwrap_or_default(),
            content: Content::People(self.upload.role),
            hints: self.upload.hints,
        };
        let bytes = self.upload.bytes;
        let mut file = match self.reading.place.clone() {
            Some(place) => upload::Upload::resume(bytes, options, place),
            None => upload::Upload::new(bytes, options),
        };
        let mut since_look = 0;
        loop {
            match file.poll()? {
                Next::Bytes(range) => {
                    file.give(&sent.range(range).await?)?;
                    continue;
                }
                Next::Done => break,
                Next::PackageRow(table, taken) => self.packed(table, taken)?,
                Next::Row(taken) => self.sheet(&file, taken),
                Next::TableEnded(table, notices) => {
                    let name = table.to_string();
                    self.reading.report.note_table(&name, &notices);
                }
            }
            self.note_file(&file);
            since_look += 1;
            let is_full = self.is_full();
            if is_full || since_look >= ROWS_BETWEEN_LOOKS {
                since_look = 0;
                let is_late = self.ports.now() >= deadline;
                if is_full || is_late {
                    self.reading.place = Some(file.place());
                    self.save().await?;
                }
                if is_late {
                    return Ok(false);
                }
            }
        }
        self.note_file(&file);
        self.reading.is_read = true;
        self.save().await?;
        Ok(true)
    }

    /// Notes what is known of the file by now.
    fn note_file(&mut self, file: &upload::Upload) {
        if self.reading.report.kind.is_none() {
            self.reading.report.kind = file.kind();
        }
        if self.reading.package.is_none()
            && let Some(package) = file.package()
        {
            self.reading.report.note(&package.notices);
            self.reading.package = Some(package.clone());
        }
    }

    fn sheet(&mut self, file: &upload::Upload, taken: Taken) {
        let table = self.reading.report.table(file.sheet());
        if taken != Taken::Header {
            self.reading.report.rows += 1;
        }
        if let Some(seen) = self.reading.report.tables.get_mut(table)
            && seen.columns.is_none()
        {
            seen.columns = file.columns().cloned();
        }
        match taken {
            Taken::Header => {}
            Taken::Person(mut person, warnings) => {
                self.warn(table, warnings);
                let Some(id) = id_of(&person.email) else {
                    return;
                };
                let bucket = self.bucket(&id);
                if let Some(password) = person.password.take() {
                    let secret = (person.email.clone(), Secret::reveal(&password).to_owned());
                    let secrets = self.secrets.entry(bucket).or_default();
                    secrets.push(secret);
                    self.is_bucket_full |= secrets.len() >= SECRETS_PER_BUCKET_MAX;
                }
                self.put(bucket, &StagedRow::Person(person));
            }
            Taken::Placement(placement, warnings) => {
                self.warn(table, warnings);
                if let Some(id) = id_of(&placement.email) {
                    let bucket = self.bucket(&id);
                    self.put(bucket, &StagedRow::Placement(placement));
                }
            }
            Taken::Refused {
                problems,
                cells,
                email,
            } => {
                if let Some(id) = email.as_ref().and_then(id_of) {
                    self.stage.present(&id);
                    self.gathered += 1;
                }
                self.refuse(table, problems, BadContent::Cells(cells));
            }
            Taken::Skipped(problem) => self.warn(table, vec![problem]),
        }
    }

    fn packed(&mut self, packed: PackedTable, taken: TableTaken) -> Result<(), Stop> {
        let table = self.reading.report.table(Some(&packed.to_string()));
        match taken {
            TableTaken::Header => return Ok(()),
            TableTaken::Refused { problems, id } => {
                self.reading.report.rows += 1;
                if let Some(id) = id.filter(|_| packed == PackedTable::Users) {
                    self.stage.present(&id);
                }
                self.refuse(table, problems, BadContent::None);
            }
            TableTaken::Row(row, warnings) => {
                self.reading.report.rows += 1;
                self.warn(table, warnings);
                self.package_row(*row)?;
            }
        }
        self.gathered += 1;
        Ok(())
    }

    fn package_row(&mut self, row: PackageRow) -> Result<(), Stop> {
        let mut batch = Batch::empty(ChainId(0), 0);
        match row {
            PackageRow::Class(class) => batch.schooling.push(Schooling::Class(class)),
            PackageRow::Course(course) => batch.schooling.push(Schooling::Course(course)),
            PackageRow::Session(session) => batch.schooling.push(Schooling::Session(session)),
            PackageRow::Org(school) => {
                self.know(school.clone())?;
                batch.schooling.push(Schooling::School(school));
            }
            PackageRow::Enrollment(class, member) => batch.class_members.push((class, member)),
            PackageRow::Gone(PackedTable::Users, id) => batch.gone.push(id),
            // What else is gone goes with the next complete list: a change without it loses nothing.
            PackageRow::Gone(_, _) => {}
            PackageRow::Role(role) => {
                let bucket = self.bucket(&role.user);
                self.put(bucket, &StagedRow::Role(role));
            }
            PackageRow::User(user) => {
                let bucket = self.bucket(&user.id);
                self.put(bucket, &StagedRow::User(Box::new(user)));
            }
        }
        if !batch.is_empty() {
            self.stage.add(batch);
        }
        Ok(())
    }

    /// Makes the people of the next bucket.
    async fn fold(&mut self) -> Result<(), Stop> {
        let bucket = self.reading.next_bucket;
        let mut batch = Batch::empty(ChainId(0), bucket);
        let started_at = self.run.started_at_ms.unwrap_or(self.run.requested_at_ms);
        let started_at = Timestamp::from_millisecond(started_at).unwrap_or(Timestamp::UNIX_EPOCH);
        let folding = Folding {
            tenant: self.tenant,
            run: &self.run.id,
            parts: self.reading.row_parts,
            schools: &self.reading.schools,
            roles_partial: self.has_delta(PackedTable::Roles),
            today: started_at.to_zoned(TimeZone::UTC).date(),
        };
        let mut report = std::mem::take(&mut self.reading.report);
        let schools = folding
            .fold(self.ports, bucket, &mut report, &mut self.bad, &mut batch)
            .await;
        self.reading.report = report;
        for school in schools.map_err(Stop::Engine)? {
            if !self.reading.schools.contains_key(&school.id) {
                batch.schooling.push(Schooling::School(school.clone()));
            }
            self.know(school)?;
        }
        self.reading.staged.stats.records += batch.records.len() as u64;
        self.gathered += batch.records.len();
        self.stage.add(batch);
        self.reading.next_bucket += 1;
        if self.gathered >= GATHERED_MAX || self.reading.next_bucket.is_multiple_of(32) {
            self.save().await?;
        }
        Ok(())
    }

    /// Everything was read: says so.
    async fn finish(&mut self) -> Result<(), Stop> {
        self.save().await?;
        let report = &self.reading.report;
        let key = Report::key(self.tenant, &self.run.id);
        record::write(self.ports, &key, report)
            .await
            .map_err(|error| Stop::Engine(error.into()))?;
        let lists_all = self.upload.complete && !self.has_delta(PackedTable::Users);
        let totals = Totals {
            records: report.people,
            schools: self.reading.schools.len() as u64,
            issues: report.bad_rows,
            bytes: self.upload.bytes,
            ..Totals::default()
        };
        let staged = &mut self.reading.staged;
        staged.stats.bytes = self.upload.bytes;
        staged.absence = if lists_all {
            AbsenceMeaning::Gone
        } else {
            AbsenceMeaning::Nothing
        };
        let now = self.ports.now();
        staged.complete = Some(files::read_whole(totals, now));
        self.save().await
    }

    fn has_delta(&self, table: PackedTable) -> bool {
        let mut files = self
            .reading
            .package
            .iter()
            .flat_map(|package| &package.files);
        files.any(|file| file.table == table && file.mode == Mode::Delta)
    }

    fn know(&mut self, school: School) -> Result<(), Stop> {
        self.reading.schools.insert(school.id.clone(), school);
        if self.reading.schools.len() > SCHOOLS_MAX {
            let what = "the file names more than";
            return Err(Stop::Refused(format!(
                "{what} {SCHOOLS_MAX} schools: check what stands where the school should"
            )));
        }
        Ok(())
    }

    fn warn(&mut self, table: usize, problems: Vec<RowProblem>) {
        if !problems.is_empty() {
            self.refuse(table, problems, BadContent::None);
        }
    }

    fn refuse(&mut self, table: usize, problems: Vec<RowProblem>, content: BadContent) {
        let row = BadRow {
            table,
            problems,
            content,
        };
        self.bad.add(&mut self.reading.report, &row);
        self.gathered += 1;
    }

    fn bucket(&self, id: &ExternalId) -> u32 {
        bucket_of(self.tenant, &self.upload.connection, id)
    }

    fn put(&mut self, bucket: u32, row: &StagedRow) {
        let rows = self.rows.entry(bucket).or_default();
        let before = rows.len();
        rows.push(row);
        self.row_bytes += rows.len() - before;
        // A file may be about one person alone, all of whose rows lie in one bucket.
        self.is_bucket_full |= rows.len() >= PIECE_BYTES;
    }

    fn is_full(&self) -> bool {
        self.is_bucket_full || self.row_bytes >= ROW_BYTES_MAX || self.gathered >= GATHERED_MAX
    }

    /// Writes what is gathered, then the state that counts it.
    async fn save(&mut self) -> Result<(), Stop> {
        let (tenant, run) = (self.tenant, &self.run.id);
        let mut values = Vec::new();
        let part = self.reading.row_parts;
        let has_rows = !self.rows.is_empty();
        for (bucket, mut rows) in std::mem::take(&mut self.rows) {
            values.push((keys::rows(tenant, run, part, bucket), rows.take()));
        }
        for (bucket, secrets) in std::mem::take(&mut self.secrets) {
            let key = keys::row_secrets(tenant, run, part, bucket);
            let plain = record::encode(&secrets);
            let sealed = self.seal_keys.seal(self.ports, &key, &plain);
            values.push((key, record::encode(&sealed.map_err(BytesError::Seal)?)));
        }
        values.extend(self.bad.take(tenant, run, &mut self.reading.report));
        write_all(self.ports, &values).await?;
        self.reading.row_parts += u32::from(has_rows);
        let staged = &mut self.reading.staged;
        staged.flush(self.ports, &mut self.stage).await?;
        (self.gathered, self.row_bytes, self.is_bucket_full) = (0, 0, false);
        let key = progress_key(tenant, run);
        record::write(self.ports, &key, &self.reading)
            .await
            .map_err(|error| Stop::Engine(error.into()))?;
        Ok(())
    }
}

/// The id of somebody whom a row names by address.
fn id_of(email: &Email) -> Option<ExternalId> {
    ExternalId::parse(email.as_str()).ok()
}

/// How many parts the rows have that a run read.
pub(super) async fn row_parts(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
) -> Result<u32, Error> {
    let reading: Option<Reading> = record::read(store, &progress_key(tenant, run)).await?;
    Ok(reading.map_or(0, |reading| reading.row_parts))
}

/// Removes what reading left beside the snapshot, once nobody needs it any more.
pub(super) async fn tidy(store: &impl Store, tenant: &TenantId, run: &RunId) -> Result<(), Error> {
    for part in 0..row_parts(store, tenant, run).await? {
        for key in [keys::rows, keys::row_secrets] {
            let keys: Vec<String> = (0..BUCKETS)
                .map(|bucket| key(tenant, run, part, bucket))
                .collect();
            store.delete_many(&keys).await?;
        }
    }
    Ok(())
}
