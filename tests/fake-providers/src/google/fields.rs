//! The `fields` parameter: which parts of an answer are wanted.
//!
//! The language is Google's partial response: names separated by commas, `a/b` for a field of a
//! field, `a(b,c)` for several, `*` for all. A name that the answer can't have is refused.

/// The fields an answer can have.
#[derive(Debug)]
pub(crate) enum Known {
    /// Anything may be inside.
    Any,
    /// A plain value: nothing inside can be selected.
    Leaf,
    /// An object, or an array of such objects.
    Object(&'static [(&'static str, Known)]),
}

/// What is wanted of an answer or a part of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Mask {
    /// Everything.
    All,
    /// Only the fields named.
    Only(Vec<(String, Mask)>),
}

/// A `fields` value that Google refuses, with the part it can't understand.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("Invalid field selection {0}")]
pub(crate) struct InvalidSelection(pub(crate) String);

impl Mask {
    /// Reads a `fields` value for an answer of the given shape.
    pub(crate) fn parse(text: &str, known: &Known) -> Result<Self, InvalidSelection> {
        let mut parser = Parser { rest: text };
        let mask = parser.list(known)?;
        if parser.rest.is_empty() {
            return Ok(mask);
        }
        Err(InvalidSelection(text.to_owned()))
    }

    /// The mask of a field, if it is wanted.
    pub(crate) fn get(&self, name: &str) -> Option<&Mask> {
        match self {
            Self::All => Some(&Self::All),
            Self::Only(fields) => {
                let named = fields.iter().find(|(field, _)| field == name);
                let wild = || fields.iter().find(|(field, _)| field == "*");
                named.or_else(wild).map(|(_, mask)| mask)
            }
        }
    }

    fn add(fields: &mut Vec<(String, Mask)>, name: String, mask: Mask) {
        let Some((_, present)) = fields.iter_mut().find(|(field, _)| *field == name) else {
            fields.push((name, mask));
            return;
        };
        match (present, mask) {
            (present @ Self::Only(_), Self::All) => *present = Self::All,
            (Self::Only(present), Self::Only(more)) => {
                for (name, mask) in more {
                    Self::add(present, name, mask);
                }
            }
            (Self::All, _) => {}
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn list(&mut self, known: &Known) -> Result<Mask, InvalidSelection> {
        let mut fields = Vec::new();
        loop {
            let (name, mask) = self.path(known)?;
            Mask::add(&mut fields, name, mask);
            if !self.take(',') {
                return Ok(Mask::Only(fields));
            }
        }
    }

    fn path(&mut self, known: &Known) -> Result<(String, Mask), InvalidSelection> {
        let end = self
            .rest
            .find([',', '/', '(', ')'])
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        let name = name.trim();
        let inner = inside(known, name).ok_or_else(|| InvalidSelection(name.to_owned()))?;
        let mask = if self.take('/') {
            let (field, mask) = self.path(inner)?;
            Mask::Only(vec![(field, mask)])
        } else if self.take('(') {
            let mask = self.list(inner)?;
            if !self.take(')') {
                return Err(InvalidSelection(name.to_owned()));
            }
            mask
        } else {
            Mask::All
        };
        Ok((name.to_owned(), mask))
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

fn inside<'a>(known: &'a Known, name: &str) -> Option<&'a Known> {
    match known {
        Known::Any if !name.is_empty() => Some(known),
        Known::Any | Known::Leaf => None,
        Known::Object(_) if name == "*" => Some(&Known::Any),
        Known::Object(fields) => {
            let field = fields.iter().find(|(field, _)| *field == name);
            field.map(|(_, inner)| inner)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Known = Known::Object(&[("givenName", Known::Leaf), ("familyName", Known::Leaf)]);
    const USER: Known =
        Known::Object(&[("id", Known::Leaf), ("name", NAME), ("emails", Known::Any)]);
    const LIST: Known = Known::Object(&[("users", USER), ("nextPageToken", Known::Leaf)]);

    fn wants(mask: &Mask, path: &[&str]) -> bool {
        let mut current = Some(mask);
        for name in path {
            current = current.and_then(|mask| mask.get(name));
        }
        current.is_some()
    }

    #[test]
    fn nested_names_are_understood_in_both_spellings() {
        for text in [
            "nextPageToken,users(id,name/givenName,emails/address)",
            "users/id,users/name(givenName),nextPageToken,users(emails(address))",
        ] {
            let mask = Mask::parse(text, &LIST).unwrap();
            assert!(wants(&mask, &["nextPageToken"]), "{text}");
            assert!(wants(&mask, &["users", "id"]), "{text}");
            assert!(wants(&mask, &["users", "name", "givenName"]), "{text}");
            assert!(!wants(&mask, &["users", "name", "familyName"]), "{text}");
            assert!(wants(&mask, &["users", "emails", "address"]), "{text}");
            assert!(!wants(&mask, &["users", "emails", "type"]), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_everything() {
        let mask = Mask::parse("users/*", &LIST).unwrap();
        assert!(wants(&mask, &["users", "name", "familyName"]));
        assert!(!wants(&mask, &["nextPageToken"]));
    }

    #[test]
    fn what_the_answer_cannot_have_is_refused() {
        for text in [
            "",
            "nope",
            "users(id",
            "users(id))",
            "users(id,)",
            "users/id/x",
            "users,,id",
            "users()",
        ] {
            assert!(Mask::parse(text, &LIST).is_err(), "{text}");
        }
    }
}
