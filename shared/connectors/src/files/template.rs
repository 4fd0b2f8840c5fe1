//! The workbook to fill in.

/// The domain of the people in the template's examples. Nobody has an address in it (RFC 2606).
const EXAMPLE_DOMAIN: &str = "your-school.example";

/// True for the address of a template's example.
pub(crate) fn is_example(email: &str) -> bool {
    let domain = email.trim().rsplit_once('@').map(|(_, domain)| domain);
    domain.is_some_and(|domain| domain.eq_ignore_ascii_case(EXAMPLE_DOMAIN))
}
