//! Reads: filter, sort, page, select, write (PROVIDERS 6.5).

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::call::{Call, Set};
use super::dataset::{Dataset, Record, Row};
use super::exchange::Exchange;
use super::failure::{Failure, Minor, sort_warning};
use super::fields::fields_of;
use super::filter::{Filter, MODIFIED, Seen};
use super::quirks::{EmptyList, Envelope, Filters, LinkStyle, Sorting, TotalCount};
use super::render::{Style, Version, View};
use crate::reply::Reply;

/// How many records come when nobody says how many.
const LIMIT: usize = 100;

/// How many records too many a wrong count tells.
const TOO_HIGH: usize = 7;

/// How a list goes wrong on demand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wrong {
    /// The page before comes again.
    pub(super) repeats_page: bool,
    /// After the last page comes the first again.
    pub(super) is_endless: bool,
    /// The link to the next page leads to this one.
    pub(super) links_to_itself: bool,
}

/// What a read works on.
pub(super) struct Reading<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) style: Style<'a>,
    pub(super) exchange: &'a Exchange,
    /// The address without the query, as clients know it.
    pub(super) address: String,
    pub(super) wrong: Wrong,
}

/// A page of a list, before it is written.
struct Page<'a> {
    rows: Vec<&'a Row>,
    total: usize,
    /// As asked for.
    offset: usize,
    limit: usize,
    warns_of_sort: bool,
}

/// The counts of a list that was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) page: usize,
    pub(super) total: usize,
}

impl Reading<'_> {
    /// The answer of a read; for a list with its counts.
    pub(super) fn answer(&self, call: &Call) -> Result<(Reply, Option<Counts>), Failure> {
        let fields = self.fields(call.set())?;
        if let Call::One(set, id) = call {
            let row = self.dataset.row(set.kind(), id).filter(|row| set.has(row));
            let row = row.ok_or_else(|| unknown(set.singular()))?;
            let text = self.write(row, *set, fields.as_deref());
            let body = format!("{{\"{}\":{text}}}", set.singular());
            return Ok((Reply::bytes(200, body.into_bytes()), None));
        }
        let page = self.page(call)?;
        let counts = Counts {
            page: page.rows.len(),
            total: page.total,
        };
        let quirks = self.style.quirks;
        if page.rows.is_empty() && quirks.empty_list == EmptyList::NotFound {
            return Err(Failure::new(Minor::UnknownObject, "No records found"));
        }
        let reply = Reply::bytes(200, self.body(call.set(), &page, fields.as_deref()));
        Ok((self.with_headers(reply, &page), Some(counts)))
    }

    fn version(&self) -> Version {
        self.style.view.version()
    }

    /// The fields selected; none for all of them.
    fn fields(&self, set: Set) -> Result<Option<Vec<String>>, Failure> {
        let Some(asked) = self.exchange.parameter("fields") else {
            return Ok(None);
        };
        let known = fields_of(set, self.version());
        let (mut chosen, unknown): (Vec<&str>, Vec<&str>) = asked
            .split(',')
            .map(str::trim)
            .partition(|field| known.contains(field));
        if !unknown.is_empty() && self.version() == Version::V1p2 {
            let why = "The selection names an unknown field";
            return Err(Failure::new(Minor::InvalidSelectionField, why));
        }
        // Version 1.1 lets a server overlook a selection that it does not understand.
        chosen.dedup();
        let chosen: Vec<String> = chosen.into_iter().map(str::to_owned).collect();
        Ok((!chosen.is_empty()).then_some(chosen))
    }

    fn filter(&self, set: Set) -> Result<Option<Filter>, Failure> {
        let Some(text) = self.exchange.parameter("filter") else {
            return Ok(None);
        };
        let refuse = |why: String| Failure::new(Minor::InvalidFilterField, why);
        match self.style.quirks.filters {
            Filters::Ignored => return Ok(None),
            Filters::Refused => return Err(refuse("Filters are not supported".to_owned())),
            Filters::Supported => {}
        }
        let known = fields_of(set, self.version());
        let is_field = |field: &str| {
            let first = field.split('.').next().unwrap_or_default();
            known.contains(&first)
        };
        let any_number = self.style.view == View::RosterServer;
        let filter = Filter::parse(text, any_number, is_field);
        filter
            .map(Some)
            .map_err(|refused| refuse(refused.to_string()))
    }

    fn page(&self, call: &Call) -> Result<Page<'_>, Failure> {
        let quirks = self.style.quirks;
        let offset = self.number("offset", 0, 0)?;
        let limit = self.number("limit", LIMIT, 1)?;
        let limit = quirks
            .page_limit
            .map_or(limit, |most| limit.min(most.max(1)));
        let filter = self.filter(call.set())?;
        let sort = self.sort(call.set())?;
        let by_id = sort.is_some_and(|field| field == "sourcedId");
        let is_descending = match self.exchange.parameter("orderBy") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(Failure::new(Minor::InvalidData, "orderBy is asc or desc")),
        };
        let rows = call.rows(self.dataset, by_id);
        let mut rows = rows.ok_or_else(|| unknown("parent"))?;
        if quirks.class_students_include_teachers
            && let Call::Within { parents, set } = call
            && *set == Set::Students
            && parents.last().is_some_and(|(set, _)| *set == Set::Classes)
        {
            let call = Call::Within {
                parents: parents.clone(),
                set: Set::Teachers,
            };
            rows.extend(call.rows(self.dataset, by_id).unwrap_or_default());
        }
        if let Some(filter) = &filter {
            rows.retain(|row| {
                let look = Look::at(&self.style, row, call.set());
                filter.holds(|field| look.up(field))
            });
        }
        if let Some(field) = sort.filter(|_| !by_id) {
            self.order(&mut rows, call.set(), field);
        }
        if sort.is_some() && is_descending {
            rows.reverse();
        }
        let total = rows.len();
        let start = self.start(offset, limit, total);
        let rows = rows.into_iter().skip(start).take(limit).collect();
        Ok(Page {
            rows,
            total,
            offset,
            limit,
            warns_of_sort: self.exchange.parameter("sort").is_some() && sort.is_none(),
        })
    }

    /// The place of the first record of a page.
    fn start(&self, offset: usize, limit: usize, total: usize) -> usize {
        let quirks = self.style.quirks;
        let mut start = offset;
        if quirks.ignores_offset {
            start = 0;
        } else if quirks.offset_from_one {
            start = start.saturating_sub(1);
        }
        if self.wrong.repeats_page {
            start = start.saturating_sub(limit);
        }
        if self.wrong.is_endless {
            start = start.checked_rem(total).unwrap_or_default();
        }
        start
    }

    fn number(&self, name: &str, usual: usize, least: usize) -> Result<usize, Failure> {
        let number = self.exchange.parameter(name).map(str::parse::<usize>);
        match number.unwrap_or(Ok(usual)) {
            Ok(number) if number >= least => Ok(number),
            _ => Err(Failure::new(
                Minor::InvalidData,
                format!("{name} is not a number from {least}"),
            )),
        }
    }

    /// The field to sort by, if it is known.
    fn sort(&self, set: Set) -> Result<Option<&str>, Failure> {
        let known = fields_of(set, self.version());
        let field = self.exchange.parameter("sort");
        if field.is_some_and(|field| field.contains(',')) {
            return Err(Failure::new(Minor::InvalidData, "sort names one field"));
        }
        let is_supported = self.style.quirks.sorting == Sorting::Supported;
        Ok(field.filter(|field| is_supported && known.contains(field)))
    }

    fn order(&self, rows: &mut Vec<&Row>, set: Set, field: &str) {
        let mut keyed: Vec<(SortKey, &Row)> = rows
            .drain(..)
            .map(|row| {
                let key = match Look::at(&self.style, row, set).up(field) {
                    Seen::Instant(instant) => SortKey::Instant(instant),
                    Seen::Texts(texts) => {
                        SortKey::Text(texts.first().map(|text| text.to_lowercase()))
                    }
                };
                (key, row)
            })
            .collect();
        keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows.extend(keyed.into_iter().map(|(_, row)| row));
    }

    fn write(&self, row: &Row, set: Set, fields: Option<&[String]>) -> String {
        let written = self.style.write(row, set == Set::Demographics);
        let Some(fields) = fields else {
            return written.as_ref().to_owned();
        };
        let object: Map<String, Value> = serde_json::from_str(written.as_ref()).unwrap_or_default();
        let chosen: Map<String, Value> = object
            .into_iter()
            .filter(|(name, _)| fields.contains(name))
            .collect();
        Value::Object(chosen).to_string()
    }

    fn body(&self, set: Set, page: &Page<'_>, fields: Option<&[String]>) -> Vec<u8> {
        let quirks = self.style.quirks;
        let name = match quirks.envelope {
            Envelope::Content => set.plural(),
            Envelope::Path => set.word(),
        };
        let mut body = String::with_capacity(page.rows.len() * 512 + 64);
        body.push_str("{\"");
        body.push_str(name);
        body.push_str("\":[");
        for (place, row) in page.rows.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            match fields {
                None => {
                    let written = self.style.write(row, set == Set::Demographics);
                    body.push_str(written.as_ref());
                }
                Some(fields) => body.push_str(&self.write(row, set, Some(fields))),
            }
        }
        body.push(']');
        if page.warns_of_sort {
            let warning = sort_warning(self.version(), quirks.errors).to_string();
            // Its own braces make way for those of the answer.
            let fields = warning.trim_start_matches('{').strip_suffix('}');
            let _ = write!(body, ",{}", fields.unwrap_or_default());
        }
        body.push('}');
        body.into_bytes()
    }

    fn with_headers(&self, mut reply: Reply, page: &Page<'_>) -> Reply {
        let quirks = self.style.quirks;
        let count = match quirks.total_count {
            TotalCount::Missing => None,
            TotalCount::OfThePage => Some(page.rows.len()),
            TotalCount::Right => Some(page.total),
            TotalCount::TooHigh => Some(page.total + TOO_HIGH),
        };
        if let Some(count) = count {
            reply = reply.with("x-total-count", count.to_string());
        }
        let links = self.links(page);
        if links.is_empty() || quirks.links == LinkStyle::Missing {
            return reply;
        }
        let written: Vec<String> = links
            .into_iter()
            .map(|(relation, offset)| {
                let url = self.link(offset, page.limit);
                if quirks.links == LinkStyle::Bare {
                    format!("{url}; rel=\"{relation}\"")
                } else {
                    format!("<{url}>; rel=\"{relation}\"")
                }
            })
            .collect();
        reply.with("link", written.join(", "))
    }

    /// The relations and offsets of the pages around this one.
    fn links(&self, page: &Page<'_>) -> Vec<(&'static str, usize)> {
        let quirks = self.style.quirks;
        let first = usize::from(quirks.offset_from_one);
        let past = page.offset.saturating_sub(first) + page.limit;
        let last = page.total.saturating_sub(1) / page.limit * page.limit + first;
        let mut links = Vec::new();
        if self.wrong.links_to_itself {
            links.push(("next", page.offset));
        } else if past < page.total || quirks.links == LinkStyle::NextOnLast {
            links.push(("next", past + first));
        }
        links.push(("last", last));
        links.push(("first", first));
        if page.offset > first {
            let previous = page.offset.saturating_sub(page.limit).max(first);
            links.push(("prev", previous));
        }
        links
    }

    fn link(&self, offset: usize, limit: usize) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in &self.exchange.parameters {
            if name != "limit" && name != "offset" {
                query.append_pair(name, value);
            }
        }
        query.append_pair("limit", &limit.to_string());
        query.append_pair("offset", &offset.to_string());
        let query = query.finish();
        if self.style.quirks.links == LinkStyle::OtherHost {
            let path = self.address.splitn(4, '/').nth(3).unwrap_or_default();
            return format!("http://roster-app-7.internal:8080/{path}?{query}");
        }
        format!("{}?{query}", self.address)
    }
}

fn unknown(what: &str) -> Failure {
    Failure::new(Minor::UnknownObject, format!("Unknown {what}"))
}

/// What a list is sorted by.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum SortKey {
    Instant(i64),
    Text(Option<String>),
}

/// Looks up the values of a record's fields.
struct Look<'a> {
    style: &'a Style<'a>,
    row: &'a Row,
    set: Set,
    object: OnceCell<Value>,
}

impl<'a> Look<'a> {
    fn at(style: &'a Style<'a>, row: &'a Row, set: Set) -> Self {
        Self {
            style,
            row,
            set,
            object: OnceCell::new(),
        }
    }

    /// The values of a field, `roles.org.sourcedId` too.
    fn up(&self, field: &str) -> Seen<'a> {
        if field == MODIFIED {
            return Seen::Instant(self.style.modified_ms(self.row));
        }
        if let Some(text) = self.known(field) {
            return Seen::Texts(vec![text]);
        }
        let object = self.object.get_or_init(|| {
            let written = self.style.write(self.row, self.set == Set::Demographics);
            serde_json::from_str(written.as_ref()).unwrap_or_default()
        });
        let mut texts = Vec::new();
        collect(object, field, &mut texts);
        Seen::Texts(texts.into_iter().map(Cow::Owned).collect())
    }

    /// What is asked for most, without reading what was written.
    fn known(&self, field: &str) -> Option<Cow<'a, str>> {
        match (field, &self.row.record) {
            ("sourcedId", _) => Some(Cow::Borrowed(&self.row.sourced_id)),
            ("status", _) => Some(Cow::Borrowed(self.style.status(self.row))),
            ("role", Record::Enrollment(enrollment)) => {
                Some(Cow::Owned(self.style.role(&enrollment.role)))
            }
            ("class.sourcedId", Record::Enrollment(enrollment)) => {
                Some(Cow::Borrowed(&enrollment.class))
            }
            ("user.sourcedId", Record::Enrollment(enrollment)) => {
                Some(Cow::Borrowed(&enrollment.user))
            }
            ("role", Record::User(user)) if self.style.view.version() == Version::V1p1 => {
                let role = user.roles.first().map_or("", |role| &role.role);
                Some(Cow::Owned(self.style.role(role)))
            }
            _ => None,
        }
    }
}

/// The texts at a path of names; lists on the way are looked through.
fn collect(value: &Value, path: &str, texts: &mut Vec<String>) {
    match value {
        Value::Array(values) => {
            for value in values {
                collect(value, path, texts);
            }
        }
        Value::Object(fields) => {
            // A name may hold dots itself, as those of metadata do.
            if let Some(value) = fields.get(path) {
                collect(value, "", texts);
            } else if let Some((first, rest)) = path.split_once('.')
                && let Some(value) = fields.get(first)
            {
                collect(value, rest, texts);
            }
        }
        Value::String(text) if path.is_empty() => texts.push(text.clone()),
        Value::Bool(_) | Value::Number(_) if path.is_empty() => texts.push(value.to_string()),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}
