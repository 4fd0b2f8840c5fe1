//! Where in a JSON text a fault lies, as a path: `list[1].limit`.
//!
//! The parser says line and column. Following the text up to there gives the path without a second
//! copy of every type's parser, which is what a tracking parser costs in a component's size.

/// One level of nesting.
enum Level {
    /// In an array, at this index.
    Array(usize),
    /// In an object, at this key once it is read.
    Object(Option<String>),
}

/// Which of two paths a place means that lies right behind a closing bracket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Behind {
    /// The element that was read last: the parser had closed the bracket before it complained.
    Element,
    /// What the bracket closes: something is missing in it.
    Whole,
}

/// The path of the value or key at a place, given as line and column from 1 (a column counts
/// bytes). The text must be JSON up to there.
pub(super) fn path_at(text: &str, (line, column): (usize, usize), behind: Behind) -> String {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let place = before + column;
    let mut levels: Vec<Level> = Vec::new();
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        if at >= place {
            break;
        }
        match byte {
            b'{' => levels.push(Level::Object(None)),
            b'[' => levels.push(Level::Array(0)),
            b'}' | b']' if at + 1 == place && behind == Behind::Element => break,
            b'}' | b']' => {
                levels.pop();
            }
            b',' => {
                if let Some(level) = levels.last_mut() {
                    next(level);
                }
            }
            b'"' => {
                let end = end_of_text(bytes, at);
                if let Some(Level::Object(key @ None)) = levels.last_mut() {
                    *key = text
                        .get(at..end)
                        .and_then(|quoted| serde_json::from_str(quoted).ok());
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    to_path(&levels)
}

/// Goes on to the next element.
fn next(level: &mut Level) {
    match level {
        Level::Array(index) => *index += 1,
        Level::Object(key) => *key = None,
    }
}

/// The place after the text that begins with a quote at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn to_path(levels: &[Level]) -> String {
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Array(index) => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
            Level::Object(Some(key)) if path.is_empty() => path.push_str(key),
            Level::Object(Some(key)) => {
                path.push('.');
                path.push_str(key);
            }
            Level::Object(None) => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_path_of_its_value() {
        let text = "{\"a\": 1,\n \"l\": [{\"x,\\\"]\": [7]}, {\"y\": true}]}";
        for (line, column, path) in [
            (1, 7, "a"),
            (2, 7, "l[0]"),
            (2, 19, "l[0].x,\"][0]"),
            (2, 33, "l[1].y"),
            (2, 34, "l[1]"),
            (2, 35, "l"),
            (2, 36, ""),
        ] {
            let found = path_at(text, (line, column), Behind::Whole);
            assert_eq!(found, path, "{line}:{column}");
        }
        assert_eq!(path_at(text, (2, 34), Behind::Element), "l[1].y");
    }
}
