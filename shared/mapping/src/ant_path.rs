//! Ant-style path patterns, exactly as Spring's `AntPathMatcher` matches them with the separator
//! `/` and without URI variables.
//!
//! Pattern and path are cut at every `/` into segments; empty segments vanish, so `/a//b` has the
//! segments `a` and `b`. Then:
//!
//! 1. Both begin with `/` or neither does; otherwise nothing matches.
//! 2. A segment that is exactly `**` stands for any number of segments, none included.
//! 3. In every other segment `?` stands for exactly one character and `*` for any number of
//!    characters, none included; neither crosses a `/`. A `**` with something beside it in the
//!    same segment is just two `*`. Everything else stands for itself.
//! 4. A trailing `/` counts: it stands in both or in neither. It does not matter when the last
//!    segment of the pattern is `**`: `/a/**` matches `/a`, `/a/` and `/a/b/`, and `/a/**/`
//!    matches `/a/b`.
//! 5. In a pattern without `**`, a last segment that is exactly `*` also matches no segment when
//!    the path has a trailing `/` there: `/a/*` matches `/a/` and `/*` matches `/`, though `/a/*`
//!    does not match `/a`.
//!
//! Case is the caller's affair: lower-case both to ignore it.
//!
//! Work is bounded by (segments of the pattern) × (characters of the path) per run of segments
//! between two `**`; there is no backtracking over several `**` or `*`.

/// A pattern cut into segments once, to be matched often.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AntPattern {
    leading_slash: bool,
    trailing_slash: bool,
    /// Segments before the first `**`.
    head: Vec<Segment>,
    /// What follows the head, if there is a `**`.
    tail: Option<Tail>,
}

/// What follows the first `**` of a pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Tail {
    /// Runs of segments that stand between two `**`, in order; none is empty.
    runs: Vec<Vec<Segment>>,
    /// Segments behind the last `**`.
    end: Vec<Segment>,
}

/// One segment of a pattern other than `**`.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Segment {
    /// Has wildcards.
    Glob(Vec<char>),
    /// Stands for itself.
    Literal(String),
}

impl AntPattern {
    /// Cuts a pattern. Every text is a pattern.
    pub fn new(pattern: &str) -> Self {
        let mut groups: Vec<Vec<Segment>> = vec![Vec::new()];
        for segment in segments(pattern) {
            match groups.last_mut() {
                Some(group) if segment != "**" => group.push(Segment::new(segment)),
                _ => groups.push(Vec::new()),
            }
        }
        let mut groups = groups.into_iter();
        let head = groups.next().unwrap_or_default();
        let end = groups.next_back();
        Self {
            leading_slash: pattern.starts_with('/'),
            trailing_slash: pattern.ends_with('/'),
            head,
            tail: end.map(|end| Tail {
                runs: groups.filter(|run| !run.is_empty()).collect(),
                end,
            }),
        }
    }

    /// True when the whole path matches.
    pub fn matches(&self, path: &str) -> bool {
        if path.starts_with('/') != self.leading_slash {
            return false;
        }
        let trailing_slash = path.ends_with('/');
        let segments: Vec<&str> = segments(path).collect();
        let (Some(tail), Some(rest)) = (&self.tail, segments.get(self.head.len()..)) else {
            return self.matches_without_any_depth(&segments, trailing_slash);
        };
        let begins = segments.get(..self.head.len());
        if !begins.is_some_and(|begin| all_match(&self.head, begin)) {
            return false;
        }
        // Once the head has used the path up, only `**` may be left, slash or no slash.
        if rest.is_empty() {
            return tail.runs.is_empty() && tail.end.is_empty();
        }
        let Some(middle_length) = rest.len().checked_sub(tail.end.len()) else {
            return false;
        };
        let (middle, end) = rest.split_at(middle_length);
        if !all_match(&tail.end, end) {
            return false;
        }
        if !tail.end.is_empty() && trailing_slash != self.trailing_slash {
            return false;
        }
        find_in_order(&tail.runs, middle)
    }

    fn matches_without_any_depth(&self, segments: &[&str], trailing_slash: bool) -> bool {
        if self.tail.is_some() {
            return false;
        }
        if self.head.len() == segments.len() {
            return all_match(&self.head, segments) && trailing_slash == self.trailing_slash;
        }
        match self.head.split_last() {
            Some((Segment::Glob(last), before)) => {
                last.as_slice() == ['*']
                    && trailing_slash
                    && before.len() == segments.len()
                    && all_match(before, segments)
            }
            _ => false,
        }
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        if text.contains(['*', '?']) {
            Self::Glob(text.chars().collect())
        } else {
            Self::Literal(text.to_owned())
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Segment::Glob(pattern) => glob_matches(pattern, text),
            Segment::Literal(literal) => literal == text,
        }
    }
}

fn segments(text: &str) -> impl Iterator<Item = &str> {
    text.split('/').filter(|segment| !segment.is_empty())
}

/// True when as many segments match as there are patterns; the lengths are equal at every caller.
fn all_match(patterns: &[Segment], segments: &[&str]) -> bool {
    patterns.len() == segments.len()
        && patterns
            .iter()
            .zip(segments)
            .all(|(pattern, segment)| pattern.matches(segment))
}

/// True when the runs occur one after the other. Taking the leftmost place for each is enough:
/// it leaves the most for those that follow.
fn find_in_order(runs: &[Vec<Segment>], segments: &[&str]) -> bool {
    let mut rest = segments;
    for run in runs {
        let found = rest
            .windows(run.len())
            .position(|window| all_match(run, window));
        match found.and_then(|at| rest.get(at + run.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

/// `?` is one character, `*` any number. On a mismatch only the last `*` is widened: an earlier
/// one can't help where the last one fails.
fn glob_matches(pattern: &[char], text: &str) -> bool {
    let mut pattern_at = 0;
    let mut rest = text.chars();
    let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let before = rest.clone();
        match (pattern.get(pattern_at), rest.next()) {
            (Some('*'), _) => {
                pattern_at += 1;
                rest = before;
                retry = Some((pattern_at, rest.clone()));
            }
            (Some(expected), Some(actual)) if *expected == '?' || *expected == actual => {
                pattern_at += 1;
            }
            (None, None) => return true,
            _ => {
                let Some((star_at, from)) = &mut retry else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                pattern_at = *star_at;
                rest = from.clone();
            }
        }
    }
}
