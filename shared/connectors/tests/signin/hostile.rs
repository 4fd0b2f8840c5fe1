//! Answers that were cut, swapped or made up: nobody is signed in by them, and nothing panics.

use super::{JSON, classlink, clever, json, raw};
use connectors::classlink::parse_info;
use connectors::clever::signin::{parse_me, parse_token, parse_user};
use connectors::signin::parse_callback;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn an_answer_that_is_cut_anywhere_signs_nobody_in() {
    let me = clever::me();
    for (whole, read) in [
        (clever::me_answer(), 0),
        (clever::user_answer(), 1),
        (classlink::info_answer(), 2),
        (json!({ "access_token": "ilX", "token_type": "bearer" }), 3),
    ] {
        let whole = whole.to_string();
        for end in 0..whole.len() {
            let answer = raw(200, JSON, &whole[..end]);
            let is_refused = match read {
                0 => parse_me(&answer).is_err(),
                1 => parse_user(&answer, &me, &BTreeSet::new()).is_err(),
                2 => parse_info(&answer).is_err(),
                _ => parse_token(&answer).is_err(),
            };
            assert!(is_refused, "{end} bytes of {whole}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_a_field_of_classlink_has_the_ids_stay(
        field in prop::sample::select(vec![
            "Email", "FirstName", "LastName", "LoginId", "OrgId", "Role", "Role_Level", "SourcedId",
        ]),
        value in any_value(),
    ) {
        let mut body = classlink::info_answer();
        body[field] = value;
        if let Ok(signed_in) = parse_info(&json(200, &body)) {
            prop_assert_eq!(signed_in.user_id.as_str(), "1203344");
            prop_assert_eq!(signed_in.tenant_id.as_str(), "9021");
        }
    }

    #[test]
    fn whatever_a_field_of_clever_has_the_person_is_the_one_of_the_token(
        field in prop::sample::select(vec!["district", "email", "id", "name", "roles"]),
        value in any_value(),
    ) {
        let me = clever::me();
        let mut body = clever::user_answer();
        body["data"][field] = value;
        if let Ok(signed_in) = parse_user(&json(200, &body), &me, &BTreeSet::new()) {
            prop_assert_eq!(signed_in.user_id, me.user_id);
            prop_assert_eq!(signed_in.district, me.district);
        }
    }

    #[test]
    fn an_answer_that_is_made_up_never_panics(status in 100_u16..600, body in any_value()) {
        let answer = json(status, &body);
        prop_assert!(parse_me(&answer).is_err());
        prop_assert!(parse_info(&answer).is_err());
        prop_assert!(parse_user(&answer, &clever::me(), &BTreeSet::new()).is_err());
        prop_assert!(parse_token(&answer).is_err());
    }

    #[test]
    fn a_redirect_that_is_made_up_never_panics(query in "[a-z=&%0-9+]{0,60}") {
        if let Ok(callback) = parse_callback(&query, "https://clever.com") {
            prop_assert!(!callback.code.is_empty());
        }
    }
}
