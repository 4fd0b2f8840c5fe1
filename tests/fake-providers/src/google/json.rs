//! Writes JSON objects straight into the answer, leaving out what a field mask does not name.
//!
//! A listing of 50,000 users is a hundred pages; building and filtering a tree of values for each
//! user would cost more than everything else the fake does.

use super::fields::Mask;

/// Writes a JSON string.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut plain_from = 0;
    for (position, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(
            text.as_bytes()
                .get(plain_from..position)
                .unwrap_or_default(),
        );
        plain_from = position + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                out.extend_from_slice(b"\\u00");
                for nibble in [byte >> 4, byte & 0xF] {
                    out.extend(HEX.get(usize::from(nibble)));
                }
            }
        }
    }
    out.extend_from_slice(text.as_bytes().get(plain_from..).unwrap_or_default());
    out.push(b'"');
}

/// An object being written.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    mask: &'a Mask,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Writes an object; `fill` writes its fields.
    pub(crate) fn write(out: &'a mut Vec<u8>, mask: &'a Mask, fill: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        let mut object = Object {
            out,
            mask,
            is_empty: true,
        };
        fill(&mut object);
        object.out.push(b'}');
    }

    /// Writes the field's name if the mask wants it, and gives the mask of what is inside.
    fn open(&mut self, name: &str) -> Option<&'a Mask> {
        let inner = self.mask.get(name)?;
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        Some(inner)
    }

    /// A string.
    pub(crate) fn string(&mut self, name: &str, value: &str) {
        if self.open(name).is_some() {
            write_string(self.out, value);
        }
    }

    /// A string that is only made when it is wanted.
    pub(crate) fn string_with(&mut self, name: &str, value: impl FnOnce() -> String) {
        if self.open(name).is_some() {
            write_string(self.out, &value());
        }
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        if self.open(name).is_some() {
            self.out
                .extend_from_slice(if value { b"true" } else { b"false" });
        }
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        if let Some(inner) = self.open(name) {
            Object::write(self.out, inner, fill);
        }
    }

    /// An array of objects; left out when empty, as Google does.
    pub(crate) fn objects<T>(
        &mut self,
        name: &str,
        items: &[T],
        mut fill: impl FnMut(&mut Object<'_>, &T),
    ) {
        if items.is_empty() {
            return;
        }
        let Some(inner) = self.open(name) else { return };
        self.out.push(b'[');
        for (position, item) in items.iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            Object::write(self.out, inner, |object| fill(object, item));
        }
        self.out.push(b']');
    }

    /// An array of strings; left out when empty.
    pub(crate) fn strings<S: AsRef<str>>(&mut self, name: &str, items: &[S]) {
        if items.is_empty() || self.open(name).is_none() {
            return;
        }
        self.out.push(b'[');
        for (position, item) in items.iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            write_string(self.out, item.as_ref());
        }
        self.out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_a_parser_expects() {
        for text in [
            "",
            "plain",
            "a\"b\\c",
            "\n\t\u{1}",
            "محمد 王 é",
            "\u{1f}end",
        ] {
            let mut out = Vec::new();
            write_string(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
