//! Rule sets: read whole, replaced whole, or edited piece by piece. Every answer is the whole rule
//! set, with its version as `ETag`.

mod bodies;

use super::Operation;
use super::call::{Call, made};
use crate::doors::json;
use crate::organizations::{self, Organization};
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::rules::{self, EditOf};
use bodies::{
    AssignmentBody, FilterBody, LinkBody, MappingSetBody, Order, SchoolLinkBody, Take, filter,
    id_of, mapping_set, unit_name,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use mapping::ids::{ConnectionId, RuleId};
use mapping::rules::{
    Assignment, EditError, FilterList, OrgUnitLink, RuleSet, RuleSetVersion, SchoolLink,
};

type Answer = Result<http::Response<Bytes>, Problem>;

type Change = Box<dyn FnOnce(&mut RuleSet) -> Result<(), EditError>>;

/// An edit, ready for the rule set, and the organization it makes on the way.
struct Edit {
    change: Change,
    new_organization: Option<Organization>,
}

/// `GET …/rules`.
pub(super) async fn read<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let tenant = call.tenant()?;
    let found = crate::connections::read(call.ports, tenant, &connection).await?;
    found.ok_or_else(Problem::not_found)?;
    let rules = rules::read(call.ports, tenant, &connection).await?;
    Ok(answer(StatusCode::OK, &rules))
}

/// Every edit.
pub(super) async fn change<P: Ports>(call: &Call<'_, P>, operation: Operation) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let tenant = call.tenant()?;
    let found = crate::connections::read(call.ports, tenant, &connection).await?;
    found.ok_or_else(Problem::not_found)?;
    let version = expected_version(call)?;
    if operation == Operation::ReplaceRules && version.is_none() {
        return Err(Problem::new(
            Kind::PreconditionRequired,
            "send the version that you read in the header if-match",
        ));
    }
    let who = call.actor()?;
    let of = EditOf {
        who: &who,
        tenant,
        connection: &connection,
        version,
    };
    let edit = edit_of(call, operation)?;
    let rules = rules::edit(call.ports, of, edit.new_organization, edit.change).await?;
    let adds = matches!(
        operation,
        Operation::AddLink
            | Operation::AddAssignment
            | Operation::AddFilter
            | Operation::AddMappingSet
            | Operation::AddSchoolLink
    );
    let status = made(adds);
    Ok(answer(status, &rules))
}

fn answer(status: StatusCode, rules: &RuleSet) -> http::Response<Bytes> {
    let mut response = json(status, rules);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", rules.version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The version in `If-Match`, which is the number in quotes that `ETag` had.
fn expected_version<P>(call: &Call<'_, P>) -> Result<Option<RuleSetVersion>, Problem> {
    let Some(value) = call.request.headers().get(header::IF_MATCH) else {
        return Ok(None);
    };
    let number = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().trim_matches('"').parse().ok());
    let bad = || Problem {
        kind: Kind::BadRequest,
        ..Problem::field(
            "if-match",
            "must be one version in quotes, as etag gives it",
        )
    };
    number.map(RuleSetVersion).map(Some).ok_or_else(bad)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the operations that are no edits of rules do not come here"
)]
fn edit_of<P: Ports>(call: &Call<'_, P>, operation: Operation) -> Result<Edit, Problem> {
    let in_path = || call.id::<RuleId>("rule");
    Ok(match operation {
        Operation::ReplaceRules => {
            let with: RuleSet = call.json()?;
            plain(move |rules| rules.replace(with))
        }
        Operation::SetLeaving => {
            let leaving = call.json()?;
            plain(move |rules| rules.set_leaving(leaving))
        }
        Operation::AddLink => put_link(call, None)?,
        Operation::ReplaceLink => put_link(call, Some(in_path()?))?,
        Operation::RemoveLink => {
            let id = in_path()?;
            plain(move |rules| rules.remove_link(&id))
        }
        Operation::AddAssignment => put_assignment(call, None)?,
        Operation::ReplaceAssignment => put_assignment(call, Some(in_path()?))?,
        Operation::RemoveAssignment => {
            let id = in_path()?;
            plain(move |rules| rules.remove_assignment(&id))
        }
        Operation::AddFilter => {
            let body: FilterBody = call.json()?;
            let at = body.at;
            let rule = filter(call.ports, body, None)?;
            plain(move |rules| rules.add_filter(&FilterList::Top, rule, at))
        }
        Operation::ReplaceFilter => {
            let rule = filter(call.ports, call.json()?, Some(in_path()?))?;
            plain(move |rules| rules.replace_filter(&FilterList::Top, rule))
        }
        Operation::RemoveFilter => {
            let id = in_path()?;
            plain(move |rules| rules.remove_filter(&FilterList::Top, &id))
        }
        Operation::OrderFilters => {
            let Order { order } = call.json()?;
            plain(move |rules| rules.reorder_filters(&FilterList::Top, &order))
        }
        Operation::AddMappingSet => {
            let body: MappingSetBody = call.json()?;
            let at = body.at;
            let set = mapping_set(call.ports, body, None)?;
            plain(move |rules| rules.add_mapping_set(set, at))
        }
        Operation::ReplaceMappingSet => {
            let set = mapping_set(call.ports, call.json()?, Some(in_path()?))?;
            plain(move |rules| rules.replace_mapping_set(set))
        }
        Operation::RemoveMappingSet => {
            let id = in_path()?;
            plain(move |rules| rules.remove_mapping_set(&id))
        }
        Operation::OrderMappingSets => {
            let Order { order } = call.json()?;
            plain(move |rules| rules.reorder_mapping_sets(&order))
        }
        Operation::TakeSchools => {
            let Take { take } = call.json()?;
            plain(move |rules| rules.take_schools(take))
        }
        Operation::AddSchoolLink => put_school_link(call, None)?,
        Operation::ReplaceSchoolLink => put_school_link(call, Some(in_path()?))?,
        Operation::RemoveSchoolLink => {
            let id = in_path()?;
            plain(move |rules| rules.remove_school_link(&id))
        }
        _ => return Err(Problem::not_found()),
    })
}

fn plain(change: impl FnOnce(&mut RuleSet) -> Result<(), EditError> + 'static) -> Edit {
    Edit {
        change: Box::new(change),
        new_organization: None,
    }
}

fn put_link<P: Ports>(call: &Call<'_, P>, in_path: Option<RuleId>) -> Result<Edit, Problem> {
    let body: LinkBody = call.json()?;
    let (organization, new_organization) = match (body.organization, body.new_organization) {
        (Some(id), None) => (id, None),
        (None, Some(new)) => {
            let id = organizations::random_id(call.ports)?;
            let name = new.name.unwrap_or_else(|| unit_name(&body.unit.path));
            let new = Organization {
                id: id.clone(),
                name,
            };
            (id, Some(new))
        }
        _ => {
            let detail = "give either organization or new_organization";
            return Err(Problem::field("organization", detail));
        }
    };
    let is_new = in_path.is_none();
    let link = OrgUnitLink {
        id: id_of(call.ports, in_path, body.id)?,
        unit: body.unit,
        organization,
        include_sub_units: body.include_sub_units,
        role: body.role,
        user_type: body.user_type,
    };
    let ids = rules::default_ids(call.ports)?;
    let change = move |rules: &mut RuleSet| {
        let known = rules.links.iter().any(|known| known.id == link.id);
        check_known(known, is_new, &link.id)?;
        rules.put_link(link, &ids)
    };
    Ok(Edit {
        change: Box::new(change),
        new_organization,
    })
}

fn put_assignment<P: Ports>(call: &Call<'_, P>, in_path: Option<RuleId>) -> Result<Edit, Problem> {
    let body: AssignmentBody = call.json()?;
    let is_new = in_path.is_none();
    let assignment = Assignment {
        id: id_of(call.ports, in_path, body.id)?,
        subject: body.subject,
        account_type: body.account_type,
        organization: body.organization,
    };
    let ids = rules::default_ids(call.ports)?;
    Ok(plain(move |rules| {
        let known = rules.assignments.iter().any(|a| a.id == assignment.id);
        check_known(known, is_new, &assignment.id)?;
        rules.put_assignment(assignment, &ids)
    }))
}

fn put_school_link<P: Ports>(call: &Call<'_, P>, in_path: Option<RuleId>) -> Result<Edit, Problem> {
    let body: SchoolLinkBody = call.json()?;
    let (organization, new_organization) = match (body.organization, body.new_organization) {
        (Some(id), None) => (id, None),
        (None, Some(name)) => {
            let id = organizations::random_id(call.ports)?;
            let new = Organization {
                id: id.clone(),
                name,
            };
            (id, Some(new))
        }
        _ => {
            let detail = "give either organization or new_organization";
            return Err(Problem::field("organization", detail));
        }
    };
    let is_new = in_path.is_none();
    let link = SchoolLink {
        id: id_of(call.ports, in_path, body.id)?,
        school: body.school,
        organization,
    };
    let change = move |rules: &mut RuleSet| {
        let known = (rules.schools.links.iter()).any(|known| known.id == link.id);
        check_known(known, is_new, &link.id)?;
        rules.put_school_link(link)
    };
    Ok(Edit {
        change: Box::new(change),
        new_organization,
    })
}

/// Adding needs an id that is free, replacing one that is there.
fn check_known(known: bool, is_new: bool, id: &RuleId) -> Result<(), EditError> {
    match (known, is_new) {
        (true, true) => Err(EditError::DuplicateId { id: id.clone() }),
        (false, false) => Err(EditError::Unknown { id: id.clone() }),
        (true, false) | (false, true) => Ok(()),
    }
}
