//! Templates (`https://{{ host }}/x`) and the names of variables, as Spin reads them.

use thiserror::Error;

/// A string with `{{ variable }}` expressions in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// One piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The name between the braces, trimmed.
    Expression(String),
    /// Text taken as it is.
    Literal(String),
}

/// A template or a variable name is malformed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    /// The name breaks a rule of Spin's variable names.
    #[error("invalid variable name {name:?}: {reason}")]
    Name {
        /// The name as written.
        name: String,
        /// The rule which it breaks.
        reason: &'static str,
    },
    /// `{{` without `}}`.
    #[error("unmatched '{{{{' in template {0:?}")]
    Unmatched(String),
}

impl Template {
    /// Splits `text` at its expressions. Names are not checked here: only declared ones resolve.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (expression, tail) = after
                .split_once("}}")
                .ok_or_else(|| TemplateError::Unmatched(text.to_owned()))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::Expression(expression.trim().to_owned()));
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// Whether the template names no variable.
    pub fn is_literal(&self) -> bool {
        self.expressions().next().is_none()
    }

    /// The names in the template, in order.
    pub fn expressions(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expression(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The text with each name replaced by what `lookup` answers; the first error ends it.
    pub fn render<E>(
        &self,
        mut lookup: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Expression(name) => text.push_str(&lookup(name)?),
                Part::Literal(literal) => text.push_str(literal),
            }
        }
        Ok(text)
    }
}

/// Checks a variable name: lower-case ASCII letters, digits and single underscores, a letter first,
/// no underscore last.
pub fn check_name(name: &str) -> Result<(), TemplateError> {
    let invalid = |reason| {
        Err(TemplateError::Name {
            name: name.to_owned(),
            reason,
        })
    };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() {
        invalid("must not be empty")
    } else if !name.chars().all(allowed) {
        invalid("may contain only lower-case letters, numbers and underscores")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        invalid("must start with a lower-case letter")
    } else if name.ends_with('_') {
        invalid("must end with a letter or digit")
    } else if name.contains("__") {
        invalid("must not contain consecutive underscores")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, String> {
        Template::parse(text)
            .map_err(|error| error.to_string())?
            .render(|name| Ok(format!("<{name}>")))
    }

    #[test]
    fn expressions_are_trimmed_and_replaced_and_the_rest_is_kept() {
        let cases = [
            ("", ""),
            ("plain", "plain"),
            ("{{ a }}", "<a>"),
            ("{{a}}{{  b  }}", "<a><b>"),
            ("http://{{ host }}:{{ port }}/x", "http://<host>:<port>/x"),
            ("} alone { and }} too", "} alone { and }} too"),
        ];
        for (text, expected) in cases {
            assert_eq!(rendered(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_open_expression_is_refused() {
        assert_eq!(
            Template::parse("{{ a }} {{ b"),
            Err(TemplateError::Unmatched("{{ a }} {{ b".to_owned()))
        );
    }

    #[test]
    fn only_a_template_without_expressions_is_literal() {
        assert!(Template::parse("http://x").unwrap().is_literal());
        assert!(!Template::parse("http://{{ x }}").unwrap().is_literal());
    }

    #[test]
    fn names_follow_the_rules_of_the_platform() {
        for name in ["a", "a1", "a_b_1", "google_api"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "é"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
