//! Which match expressions are accepted.

use super::{Condition, EXPRESSION_BYTES_MAX};

/// Why a match expression is refused when it is saved.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{fault} (at byte {at})")]
pub struct ExpressionError {
    /// Where the fault is, in bytes from the start.
    pub at: usize,
    /// What is wrong there.
    pub fault: ExpressionFault,
}

/// What is wrong with a match expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ExpressionFault {
    /// A brace in an Ant-style pattern, which would begin or end a variable there.
    #[error("a path pattern may not have variables in braces; write ? for a brace")]
    Brace,
    /// A control character, which no path, address or name has.
    #[error("an expression may not have control characters")]
    ControlCharacter,
    /// Nothing was given.
    #[error("an expression may not be empty")]
    Empty,
    /// It is too long.
    #[error("an expression may have at most {EXPRESSION_BYTES_MAX} bytes")]
    Long,
    /// It begins or ends with white space, which no value does after it was read.
    #[error("an expression may not begin or end with white space")]
    OuterSpace,
}

/// Checks an expression for use with a condition.
pub(super) fn check(condition: Condition, expression: &str) -> Result<(), ExpressionError> {
    let refuse = |at, fault| Err(ExpressionError { at, fault });
    if expression.is_empty() {
        return refuse(0, ExpressionFault::Empty);
    }
    if expression.len() > EXPRESSION_BYTES_MAX {
        return refuse(EXPRESSION_BYTES_MAX, ExpressionFault::Long);
    }
    if let Some((at, _)) = expression.char_indices().find(|(_, c)| c.is_control()) {
        return refuse(at, ExpressionFault::ControlCharacter);
    }
    if expression.starts_with(char::is_whitespace) {
        return refuse(0, ExpressionFault::OuterSpace);
    }
    if expression.ends_with(char::is_whitespace) {
        return refuse(expression.trim_end().len(), ExpressionFault::OuterSpace);
    }
    match expression.find(['{', '}']) {
        Some(at) if condition == Condition::AntPath => refuse(at, ExpressionFault::Brace),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(condition: Condition, expression: &str) -> Option<(usize, ExpressionFault)> {
        check(condition, expression)
            .err()
            .map(|error| (error.at, error.fault))
    }

    #[test]
    fn a_bad_expression_is_refused_with_its_position() {
        let long = "x".repeat(EXPRESSION_BYTES_MAX + 1);
        for (expression, expected) in [
            ("", (0, ExpressionFault::Empty)),
            (long.as_str(), (EXPRESSION_BYTES_MAX, ExpressionFault::Long)),
            ("/é\n", (3, ExpressionFault::ControlCharacter)),
            (" /a", (0, ExpressionFault::OuterSpace)),
            ("/a ", (2, ExpressionFault::OuterSpace)),
            ("/a/{grade}/**", (3, ExpressionFault::Brace)),
            ("/é/a}", (5, ExpressionFault::Brace)),
        ] {
            assert_eq!(
                fault(Condition::AntPath, expression),
                Some(expected),
                "{expression:?}"
            );
        }
    }

    #[test]
    fn braces_stand_for_themselves_outside_patterns() {
        assert_eq!(fault(Condition::Is, "/a/{b}"), None);
        assert_eq!(fault(Condition::AntPath, "/a/**/b?*"), None);
    }

    #[test]
    fn the_error_names_the_position() {
        let error = check(Condition::AntPath, "/a/{b}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a path pattern may not have variables in braces; write ? for a brace (at byte 3)"
        );
    }
}
