//! Reads a file that was sent: its rows first, cut into buckets by whose they are, then bucket by
//! bucket the people that they make. What was gathered is written before the state that counts it,
//! and a file that is read again gives the same snapshot.

use super::bytes::{BytesError, Sent};
use super::folding::{Folding, StagedRow};
use super::report::{BadContent, BadRow, BadRows, Report, TableSeen};
use super::tables::{Beside, Place, ReadError, Table, TableRows, Tables, survey};
use super::{Upload, UploadWork, read};
use crate::error::Error;
use crate::evaluation::internal;
use crate::fetching::{StagedSnapshot, progress_key};
use crate::keys;
use crate::ports::{Clock, Random, Store};
use crate::record::{self, ListEncoder};
use crate::runs::{self, Failure, Run};
use crate::seal::SealKeys;
use crate::slices::SliceOutcome;
use crate::staging::{BUCKETS, Stage, bucket_of, write_all};
use connectors::fetch::{Batch, ChainId, Totals};
use connectors::files::oneroster::{
    Mode, PackageRow, Table as PackedTable, TableReader, TableTaken,
};
use connectors::files::roster::{SheetReader, Taken};
use connectors::files::row::Row;
use connectors::files::{self, Secret};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mapping::account::Email;
use mapping::ids::{ExternalId, RunId, TenantId};
use mapping::schooling::{School, Schooling};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many rows are gathered before they are written.
const GATHERED_MAX: usize = 8_192;

/// How many rows are read between two looks at the clock.
const ROWS_BETWEEN_LOOKS: usize = 512;

/// Most schools that one file may name.
const SCHOOLS_MAX: usize = 10_000;

/// How far reading is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reading {
    /// What is read.
    tables: Tables,
    /// The table that is read now.
    #[serde(default)]
    table: usize,
    /// Where in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    /// What is known of its header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reader: Option<Reader>,
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

/// What turns the rows of a table into something.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Reader {
    Packed(TableReader),
    Sheet(SheetReader),
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
    let reading = match stored {
        Some(reading) => Ok(reading),
        None => begin(&mut sent, &upload).await,
    };
    let outcome = match reading {
        Ok(reading) => {
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
                reading,
            };
            work.go_on(&mut sent, deadline).await
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(ReadError::Bytes(BytesError::Engine(error))) => Err(error),
        Err(error) => Ok(SliceOutcome::Failed {
            failure: Failure {
                code: "file_unreadable".to_owned(),
                message: format!("{error}; nothing was changed"),
            },
        }),
    }
}

async fn begin<S: Store>(sent: &mut Sent<'_, S>, upload: &Upload) -> Result<Reading, ReadError> {
    let tables = survey(sent, upload.kind, upload.role).await?;
    let mut report = Report {
        tables: tables.list.iter().map(TableSeen::of).collect(),
        ..Report::default()
    };
    report.note(&tables.notices);
    Ok(Reading {
        tables,
        table: 0,
        place: None,
        reader: None,
        row_parts: 0,
        next_bucket: 0,
        report,
        schools: BTreeMap::new(),
        staged: StagedSnapshot::default(),
    })
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
    reading: Reading,
}

impl<P: Store + Clock + Random> Work<'_, P> {
    async fn go_on(
        &mut self,
        sent: &mut Sent<'_, P>,
        deadline: Timestamp,
    ) -> Result<SliceOutcome, ReadError> {
        if self.reading.staged.complete.is_some() {
            return Ok(SliceOutcome::Done);
        }
        while let Some(table) = self.reading.tables.list.get(self.reading.table).cloned() {
            if !self.table(sent, &table, deadline).await? {
                return Ok(SliceOutcome::More);
            }
            self.reading.table += 1;
            self.reading.place = None;
            self.reading.reader = None;
            self.save().await?;
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

    /// Reads a table on; false when the time is up.
    async fn table(
        &mut self,
        sent: &mut Sent<'_, P>,
        table: &Table,
        deadline: Timestamp,
    ) -> Result<bool, ReadError> {
        let beside = Beside::of(sent, table).await?;
        let hints = self.upload.hints;
        let mut rows = TableRows::open(&beside, table, hints, self.reading.place)?;
        if self.reading.reader.is_none() {
            self.reading.reader = Some(match table {
                Table::File(content) => Reader::Sheet(SheetReader::new(None, *content)),
                Table::Packed(file) => Reader::Packed(TableReader::new(file.table, file.mode)),
                Table::Sheet { name, content, .. } => {
                    Reader::Sheet(SheetReader::new(Some(name), *content))
                }
            });
        }
        let mut since_look = 0;
        while let Some(row) = rows.next(sent).await? {
            let line = row.line;
            self.row(&row)?;
            since_look += 1;
            let is_full = self.gathered >= GATHERED_MAX;
            if is_full || since_look >= ROWS_BETWEEN_LOOKS {
                since_look = 0;
                let is_late = self.ports.now() >= deadline;
                if is_full || is_late {
                    self.reading.place = rows.place(line);
                    self.save().await?;
                }
                if is_late {
                    return Ok(false);
                }
            }
        }
        self.end_of_table()?;
        Ok(true)
    }

    fn end_of_table(&mut self) -> Result<(), ReadError> {
        let index = self.reading.table;
        match &self.reading.reader {
            Some(Reader::Sheet(reader)) => {
                reader.finish()?;
                if let Some(seen) = self.reading.report.tables.get_mut(index) {
                    seen.columns = reader.columns().cloned();
                }
            }
            Some(Reader::Packed(reader)) => {
                let notices = reader.finish()?.clone();
                let name = (self.reading.report.tables.get(index))
                    .and_then(|seen| seen.name.clone())
                    .unwrap_or_default();
                self.reading.report.note_table(&name, &notices);
            }
            None => {}
        }
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), ReadError> {
        let Some(mut reader) = self.reading.reader.take() else {
            return Err(ReadError::Changed);
        };
        let taken = match &mut reader {
            Reader::Packed(reader) => reader.read(row).map_err(ReadError::from).map(Ok),
            Reader::Sheet(reader) => reader.read(row).map_err(ReadError::from).map(Err),
        };
        self.reading.reader = Some(reader);
        match taken? {
            Ok(packed) => self.packed(packed),
            Err(sheet) => self.sheet(sheet),
        }
    }

    fn sheet(&mut self, taken: Taken) -> Result<(), ReadError> {
        if taken != Taken::Header {
            self.reading.report.rows += 1;
        }
        match taken {
            Taken::Header => {}
            Taken::Person(mut person, warnings) => {
                self.warn(warnings);
                let Some(id) = id_of(&person.email) else {
                    return Ok(());
                };
                let bucket = self.bucket(&id);
                if let Some(password) = person.password.take() {
                    let secret = (person.email.clone(), Secret::reveal(&password).to_owned());
                    self.secrets.entry(bucket).or_default().push(secret);
                }
                self.put(bucket, &StagedRow::Person(person));
            }
            Taken::Placement(placement, warnings) => {
                self.warn(warnings);
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
                self.refuse(problems, BadContent::Cells(cells));
            }
            Taken::Skipped(problem) => self.warn(vec![problem]),
        }
        Ok(())
    }

    fn packed(&mut self, taken: TableTaken) -> Result<(), ReadError> {
        match taken {
            TableTaken::Header => return Ok(()),
            TableTaken::Refused { problems, id } => {
                self.reading.report.rows += 1;
                let is_person = matches!(
                    self.reading.tables.list.get(self.reading.table),
                    Some(Table::Packed(file)) if file.table == PackedTable::Users
                );
                if let Some(id) = id.filter(|_| is_person) {
                    self.stage.present(&id);
                }
                self.refuse(problems, BadContent::None);
            }
            TableTaken::Row(row, warnings) => {
                self.reading.report.rows += 1;
                self.warn(warnings);
                self.package_row(row)?;
            }
        }
        self.gathered += 1;
        Ok(())
    }

    fn package_row(&mut self, row: PackageRow) -> Result<(), ReadError> {
        let mut batch = Batch::none(ChainId(0), 0);
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
                self.put(bucket, &StagedRow::User(user));
            }
        }
        if !batch.is_empty() {
            self.stage.add(batch);
        }
        Ok(())
    }

    /// Makes the people of the next bucket.
    async fn fold(&mut self) -> Result<(), ReadError> {
        let bucket = self.reading.next_bucket;
        let mut batch = Batch::none(ChainId(0), bucket);
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
        for school in schools.map_err(BytesError::Engine)? {
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
    async fn finish(&mut self) -> Result<(), ReadError> {
        self.save().await?;
        let report = &self.reading.report;
        let key = Report::key(self.tenant, &self.run.id);
        record::write(self.ports, &key, report)
            .await
            .map_err(|error| BytesError::Engine(error.into()))?;
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
        staged.lists_all = lists_all;
        staged.absent_are_gone = lists_all;
        let now = self.ports.now();
        staged.complete = Some(files::read_whole(totals, now));
        self.save().await
    }

    fn has_delta(&self, table: PackedTable) -> bool {
        let mut tables = self.reading.tables.list.iter();
        tables.any(|known| {
            matches!(known, Table::Packed(file) if file.table == table && file.mode == Mode::Delta)
        })
    }

    fn know(&mut self, school: School) -> Result<(), ReadError> {
        self.reading.schools.insert(school.id.clone(), school);
        if self.reading.schools.len() > SCHOOLS_MAX {
            return Err(ReadError::Schools { max: SCHOOLS_MAX });
        }
        Ok(())
    }

    fn warn(&mut self, problems: Vec<connectors::files::roster::RowProblem>) {
        if !problems.is_empty() {
            self.refuse(problems, BadContent::None);
        }
    }

    fn refuse(
        &mut self,
        problems: Vec<connectors::files::roster::RowProblem>,
        content: BadContent,
    ) {
        let row = BadRow {
            table: self.reading.table,
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
        self.rows.entry(bucket).or_default().push(row);
        self.gathered += 1;
    }

    /// Writes what is gathered, then the state that counts it.
    async fn save(&mut self) -> Result<(), ReadError> {
        let engine = |error: crate::ports::StoreError| BytesError::Engine(error.into());
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
        write_all(self.ports, &values).await.map_err(engine)?;
        self.reading.row_parts += u32::from(has_rows);
        self.reading
            .staged
            .flush(self.ports, &mut self.stage)
            .await
            .map_err(engine)?;
        self.gathered = 0;
        let key = progress_key(tenant, run);
        record::write(self.ports, &key, &self.reading)
            .await
            .map_err(|error| BytesError::Engine(error.into()))?;
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
