//! The clauses, and the check that each stands for.
//!
//! Every line is a test of that name, in which the running components are attacked over HTTP. A
//! clause that several checks share runs all of them.
//!
//! # RFC 9700, Best Current Practice for OAuth 2.0 Security
//!
//! | section | |
//! |---|---|
//! | 2.1 to 2.6, 4.1 to 4.12, 4.14 to 4.17 | below |
//! | 2.2.1 sender-constrained access tokens | **not done**: tokens are bearer tokens of ten minutes, for userinfo alone. What is below is that they are short-lived and end with the account |
//! | 2.5 asymmetric client authentication | **not done**: clients have secrets of 256 bits; the section recommends keys |
//! | 2.6 end-to-end TLS | of the platform: Rollcall answers behind it |
//! | 4.9.1 counterfeit resource servers | not applicable: the only resource is our own userinfo, and its address is in signed-for metadata |
//! | 4.13 reverse proxies | `rfc9700_4_13`: what a client says of its address is not believed |
//!
//! # OWASP ASVS 5.0, chapter V10
//!
//! | requirement | level | |
//! |---|---|---|
//! | 10.1.1, 10.1.2, 10.2.1 to 10.2.3, 10.3.1 to 10.3.3, 10.4.1 to 10.4.12, 10.5.1 to 10.5.5, 10.6.1, 10.6.2 | 1 to 3 | below |
//! | 10.3.4 | 2 | `max_age` and `prompt` of the authorization request; userinfo itself asks for no strength |
//! | 10.3.5 | 3 | **not done**: no sender-constrained tokens |
//! | 10.4.7 | 2 | there is no dynamic registration; below it is tried |
//! | 10.4.13 | 3 | **not done**: no pushed authorization requests |
//! | 10.4.14 | 3 | **not done**: no sender-constrained tokens |
//! | 10.4.15 | 3 | not applicable: `authorization_details` is not supported |
//! | 10.4.16 | 3 | **not done**: clients have secrets, or none and PKCE |
//! | 10.5.3 | 2 | Rollcall takes no metadata from providers: their addresses are the operator's. The application that reads ours is the demonstration, whose library checks it |
//! | 10.5.5 | 2 | of applications: `demo-app` does it, below |
//! | 10.7.1 to 10.7.3 | 2 | the district consents, not the child: an application is registered by the operator for named districts, and there is no consent of people to ask, show or take back. The sign-in page names the application |

use super::{
    back_channel, client_of_providers as providers, codes, front_channel, passwords, redirecting,
    refreshing, resource, sessions, token_endpoint,
};

/// A test for each clause.
macro_rules! clauses {
    ($($name:ident: $($check:path),+;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $($check().await;)+
            }
        )+
    };
}

clauses! {
    rfc9700_2_1_redirect_addresses_match_exactly: redirecting::only_registered_addresses;
    rfc9700_2_1_no_open_redirectors: redirecting::no_open_redirector;
    rfc9700_2_1_cross_site_request_forgery: providers::answers_are_bound_to_the_browser_that_asked;
    rfc9700_2_1_mix_up_defence: redirecting::every_answer_says_who_gives_it;
    rfc9700_2_1_no_forwarding_of_credentials: front_channel::no_redirect_repeats_a_form;
    rfc9700_2_1_1_proof_keys_are_required: codes::no_request_without_a_proof_key;
    rfc9700_2_1_1_proof_keys_are_of_the_transaction: providers::every_request_has_secrets_of_its_own;
    rfc9700_2_1_1_verifiers_are_enforced: codes::a_code_needs_its_verifier;
    rfc9700_2_1_1_support_is_published: redirecting::metadata_is_published_and_true;
    rfc9700_2_1_2_no_implicit_grant: redirecting::only_the_code_flow;
    rfc9700_2_2_1_access_tokens_are_short_lived: resource::access_tokens_are_short_lived;
    rfc9700_2_2_2_refresh_tokens_of_public_clients: refreshing::reuse_is_found_out_without_a_secret;
    rfc9700_2_3_access_tokens_are_restricted_to_a_resource: resource::access_tokens_are_for_userinfo_alone;
    rfc9700_2_3_access_tokens_are_restricted_in_scope: resource::scopes_decide_what_is_told;
    rfc9700_2_4_no_password_grant: token_endpoint::only_codes_and_refresh_tokens_are_exchanged;
    rfc9700_2_5_client_authentication: token_endpoint::applications_prove_who_they_are;
    rfc9700_2_6_metadata: redirecting::metadata_is_published_and_true;
    rfc9700_2_6_no_cross_origin_authorization_endpoint: front_channel::no_cross_origin_access_to_pages;
    rfc9700_4_1_redirect_address_validation: redirecting::addresses_that_can_not_be_trusted_are_not_registered;
    rfc9700_4_2_leakage_by_referrer: front_channel::nothing_leaks_to_other_sites;
    rfc9700_4_3_1_codes_in_the_history: codes::a_code_works_once, codes::a_code_is_short_lived;
    rfc9700_4_3_2_access_tokens_in_the_history: resource::only_access_tokens_in_the_header;
    rfc9700_4_3_2_nothing_is_cached: front_channel::nothing_is_cached;
    rfc9700_4_4_mix_up: providers::no_mix_up_of_providers;
    rfc9700_4_5_code_injection: codes::a_code_is_bound_to_its_request;
    rfc9700_4_5_3_nonce: codes::the_id_token_is_of_the_request;
    rfc9700_4_6_access_token_injection: codes::tokens_never_pass_through_the_browser;
    rfc9700_4_7_cross_site_request_forgery: providers::an_unasked_answer_never_changes_who_is_signed_in;
    rfc9700_4_7_forms_of_other_sites: front_channel::forms_of_other_sites_are_refused;
    rfc9700_4_8_pkce_downgrade: codes::no_request_without_a_proof_key;
    rfc9700_4_9_2_compromised_store: codes::the_store_holds_no_code_and_no_token;
    rfc9700_4_10_stolen_access_tokens: sessions::a_session_is_worth_as_much_as_its_account;
    rfc9700_4_11_1_we_as_client: providers::errors_of_providers_are_not_echoed;
    rfc9700_4_11_2_we_as_server: redirecting::errors_go_back_to_known_applications_alone;
    rfc9700_4_12_no_307: front_channel::no_redirect_repeats_a_form;
    rfc9700_4_13_forged_headers: passwords::forged_headers_get_around_no_limit;
    rfc9700_4_14_refresh_tokens_are_bound: refreshing::bound_to_the_application;
    rfc9700_4_14_refresh_token_rotation: refreshing::reuse_is_found_out_with_a_secret;
    rfc9700_4_14_refresh_tokens_expire: refreshing::absolute_expiration;
    rfc9700_4_14_refresh_tokens_end_with_the_account: refreshing::ends_with_the_standing_of_the_account;
    rfc9700_4_14_refresh_tokens_end_with_the_session: sessions::signing_out_ends_everything_of_the_session;
    rfc9700_4_15_clients_are_no_people: resource::the_subject_is_never_reassigned;
    rfc9700_4_16_clickjacking: front_channel::no_page_can_be_framed;
    rfc9700_4_17_in_browser_messages: front_channel::no_messages_between_windows;
}

clauses! {
    asvs_10_1_1_tokens_go_where_they_are_needed: codes::tokens_never_pass_through_the_browser;
    asvs_10_1_2_answers_are_of_the_same_browser: providers::answers_are_bound_to_the_browser_that_asked;
    asvs_10_2_1_cross_site_request_forgery: providers::an_unasked_answer_never_changes_who_is_signed_in;
    asvs_10_2_2_mix_up: providers::no_mix_up_of_providers;
    asvs_10_2_3_needed_scopes_alone: providers::only_needed_scopes_are_asked_for;
    asvs_10_3_1_audience: resource::access_tokens_are_for_userinfo_alone;
    asvs_10_3_2_decisions_by_scope: resource::scopes_decide_what_is_told;
    asvs_10_3_3_who_is_never_reassigned: resource::the_subject_is_never_reassigned;
    asvs_10_3_4_recentness: redirecting::prompt_and_max_age_are_kept;
    asvs_10_4_1_redirect_addresses: redirecting::only_registered_addresses;
    asvs_10_4_2_codes_work_once: codes::a_code_works_once, codes::a_code_works_once_however_many_try_at_once;
    asvs_10_4_3_codes_are_short_lived: codes::a_code_is_short_lived;
    asvs_10_4_4_grants: token_endpoint::only_codes_and_refresh_tokens_are_exchanged;
    asvs_10_4_5_refresh_token_replay: refreshing::reuse_is_found_out_without_a_secret;
    asvs_10_4_6_proof_keys: codes::no_request_without_a_proof_key, codes::a_code_needs_its_verifier;
    asvs_10_4_7_no_dynamic_registration: token_endpoint::nobody_registers_an_application_but_the_operator;
    asvs_10_4_8_absolute_expiration: refreshing::absolute_expiration;
    asvs_10_4_9_revocation: refreshing::revoked_by_the_application, sessions::an_administrator_signs_somebody_out;
    asvs_10_4_10_confidential_clients_authenticate: token_endpoint::applications_prove_who_they_are;
    asvs_10_4_11_scopes_of_clients: refreshing::only_for_who_may, resource::applications_have_their_own_districts_alone;
    asvs_10_4_12_response_mode: redirecting::only_the_code_flow;
    asvs_10_5_1_id_token_replay: providers::wrong_id_tokens_sign_nobody_in;
    asvs_10_5_2_users_are_known_by_subject: providers::known_by_subject;
    asvs_10_5_4_audience_of_id_tokens: providers::wrong_id_tokens_sign_nobody_in;
    asvs_10_5_5_logout_tokens: back_channel::logout_tokens_are_as_they_have_to_be, back_channel::forged_logout_tokens_sign_nobody_out;
    asvs_10_6_1_response_types: redirecting::only_the_code_flow;
    asvs_10_6_2_forced_logout: sessions::nobody_is_signed_out_by_others, sessions::forged_hints_sign_nobody_out;
}

// What else is promised of bad input.
clauses! {
    bad_input_session_fixation: sessions::a_session_is_never_one_from_before;
    bad_input_tampered_cookies: sessions::tampered_cookies_are_nothing;
    bad_input_cookies: sessions::cookies_are_kept_from_scripts_and_other_sites, sessions::cookies_are_of_this_host_and_secure;
    bad_input_wrong_passwords: passwords::ten_thousand_wrong_passwords;
    bad_input_who_has_an_account: passwords::nobody_learns_who_has_an_account;
    bad_input_signing_out_elsewhere: redirecting::signing_out_leads_to_registered_addresses_alone;
    bad_input_cached_tokens: token_endpoint::answers_are_not_kept;
    bad_input_signatures: codes::id_tokens_are_signed_with_published_keys;
    good_input_key_rotation: sessions::keys_are_rotated_without_ending_anything;
}
