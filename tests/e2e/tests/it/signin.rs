//! Signing in: whole sign-ins in a browser, and every attack of a published list.
//!
//! [`clauses`] has the list: one line for each clause of RFC 9700 (the best current practice for
//! OAuth 2.0) and of chapter V10 of OWASP's ASVS 5.0 that applies, with the check that it stands
//! for; and what does not apply, or is not done.

mod back_channel;
mod browser;
mod clauses;
mod client_of_providers;
mod codes;
mod demo;
mod front_channel;
mod passwords;
mod providers;
mod redirecting;
mod refreshing;
mod resource;
mod scene;
mod sessions;
mod token_endpoint;
