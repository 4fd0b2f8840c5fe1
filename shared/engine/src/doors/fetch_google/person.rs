//! One person, read for a question.

use super::Access;
use crate::explaining::{Person, Question};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::rules;
use connectors::google::directory::{
    PAGE_BYTES_MAX, SINGLE_BYTES_MAX, parse_groups_page, parse_user,
};
use connectors::google::errors::ApiError;
use http::StatusCode;

/// One person as Google shows them now, with their groups where rules look at groups.
pub(super) async fn person<P: Ports>(ports: &P, question: &Question) -> Result<Person, Problem> {
    let access = Access::open(ports, &question.tenant, &question.connection).await?;
    let unavailable = |reason: String| Ok(Person::Unavailable { reason });
    let access_token = match access.token(false).await {
        Ok(access_token) => access_token,
        Err(failure) => return unavailable(failure.to_string()),
    };
    let directory = access.directory()?;
    let Ok(request) = directory.user(question.email.as_str(), &access_token) else {
        return Ok(Person::Nobody);
    };
    let answer = match ports.send(request, SINGLE_BYTES_MAX).await {
        Ok(answer) => answer,
        Err(error) => return unavailable(error.to_string()),
    };
    if answer.status() != StatusCode::OK {
        let error = ApiError::parse(&answer);
        return if error.is_user_missing() {
            Ok(Person::Nobody)
        } else {
            unavailable(error.to_string())
        };
    }
    let Ok((mut record, _)) = parse_user(answer.body()) else {
        return unavailable("the provider's answer can't be read".to_owned());
    };
    let rules = rules::read(ports, &question.tenant, &question.connection).await?;
    if rules::uses_groups(&rules) {
        let Ok(request) = directory.groups_of(record.external_id.as_str(), &access_token) else {
            return Ok(Person::Nobody);
        };
        let groups = match ports.send(request, PAGE_BYTES_MAX).await {
            Ok(answer) => parse_groups_page(answer.body()),
            Err(error) => return unavailable(error.to_string()),
        };
        let Ok(groups) = groups else {
            return unavailable("the person's groups can't be read".to_owned());
        };
        record
            .groups
            .extend(groups.groups.into_iter().map(|entry| entry.group));
    }
    let record = Box::new(record);
    Ok(Person::Record { record })
}
