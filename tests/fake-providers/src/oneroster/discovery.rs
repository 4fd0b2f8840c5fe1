//! The document in which a server of version 1.2 describes itself (PROVIDERS 6.1).

use serde_json::{Map, Value, json};

use super::call::{Call, Set, WITHIN_CLASS_OF_SCHOOL};
use super::fields::fields_of;
use super::oauth2;
use super::render::Version;

/// Its place below the base.
pub(super) const PATH: &str = "discovery/onerosterv1p2rostersservice_openapi3_v1p0.json";

/// The document of a server at a base.
pub(super) fn document(base: &str, token_url: &str) -> Value {
    let mut paths = Map::new();
    for set in Set::ALL {
        let (many, one) = (capitalised(set.word()), name_of_one(set));
        let all = Call::All(set);
        paths.insert(
            format!("/{}", set.word()),
            operation(&format!("getAll{many}"), &all),
        );
        let single = Call::One(set, String::new());
        let path = format!("/{}/{{sourcedId}}", set.word());
        paths.insert(path, operation(&format!("get{one}"), &single));
        for within in set.within() {
            let call = Call::Within {
                parents: Vec::new(),
                set: *within,
            };
            let name = format!("get{}For{one}", capitalised(within.word()));
            let path = format!("/{}/{{sourcedId}}/{}", set.word(), within.word());
            paths.insert(path, operation(&name, &call));
        }
    }
    for set in WITHIN_CLASS_OF_SCHOOL {
        let call = Call::Within {
            parents: Vec::new(),
            set,
        };
        let name = format!("get{}ForClassInSchool", capitalised(set.word()));
        let word = set.word();
        let path = format!("/schools/{{schoolSourcedId}}/classes/{{classSourcedId}}/{word}");
        paths.insert(path, operation(&name, &call));
    }
    let scopes: Map<String, Value> = oauth2::SCOPES
        .iter()
        .map(|name| (oauth2::scope(Version::V1p2, name), json!("")))
        .collect();
    json!({
        "openapi": "3.0.1",
        "info": { "title": "OneRoster Rostering Service", "version": "1.2" },
        "servers": [{ "url": base }],
        "paths": paths,
        "components": { "securitySchemes": { "OAuth2CC": {
            "type": "oauth2",
            "flows": { "clientCredentials": { "tokenUrl": token_url, "scopes": scopes } },
        } } },
    })
}

fn operation(name: &str, call: &Call) -> Value {
    let parameters: &[&str] = match call {
        Call::One(..) => &["fields"],
        Call::All(_) | Call::Within { .. } => {
            &["limit", "offset", "sort", "orderBy", "filter", "fields"]
        }
    };
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|name| json!({ "name": name, "in": "query", "required": false }))
        .collect();
    let security: Vec<Value> = call
        .scopes()
        .iter()
        .map(|name| json!({ "OAuth2CC": [oauth2::scope(Version::V1p2, name)] }))
        .collect();
    let envelope = match call {
        Call::One(set, _) => set.singular(),
        Call::All(set) | Call::Within { set, .. } => set.plural(),
    };
    json!({ "get": {
        "operationId": name, "parameters": parameters, "security": security,
        "responses": { "200": { "description": envelope,
            "x-fields": fields_of(call.set(), Version::V1p2) } },
    } })
}

/// `Class` of `classes`.
fn name_of_one(set: Set) -> String {
    let word = match set.word() {
        "classes" => "class",
        "demographics" => "demographics",
        word => word.strip_suffix('s').unwrap_or(word),
    };
    capitalised(word)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
