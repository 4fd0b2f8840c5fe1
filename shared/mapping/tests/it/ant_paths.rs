//! The corner cases of Ant-style path patterns, and the matcher against a plain reference.

use mapping::ant_path::AntPattern;
use proptest::prelude::*;

fn matches(pattern: &str, path: &str) -> bool {
    AntPattern::new(pattern).matches(path)
}

#[track_caller]
fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    for path in matching {
        assert!(matches(pattern, path), "{pattern:?} should match {path:?}");
    }
    for path in others {
        assert!(
            !matches(pattern, path),
            "{pattern:?} should not match {path:?}"
        );
    }
}

#[test]
fn a_pattern_without_wildcards_matches_itself() {
    check("/a/b", &["/a/b"], &["/a", "/a/b/c", "/a/B", "a/b", "/a/b/"]);
    check("", &[""], &["/", "a", "/a"]);
    check("/", &["/", "//"], &["", "/a"]);
    check("a", &["a"], &["/a", "a/", "b", ""]);
}

#[test]
fn a_question_mark_is_exactly_one_character() {
    check(
        "/t?st",
        &["/test", "/tést", "/t?st"],
        &["/tst", "/teest", "/t/st"],
    );
    check("/??", &["/ab", "/😀é"], &["/a", "/abc", "/"]);
}

#[test]
fn a_star_never_crosses_a_segment() {
    check("/*", &["/a", "/", "/abc"], &["/a/b", "a", "", "/a/"]);
    check("/a/*/c", &["/a/b/c", "/a/xyz/c"], &["/a/c", "/a/b/b/c"]);
    check("/a*c", &["/ac", "/abc", "/abbc"], &["/a/c", "/abd"]);
    check("/*a*b*", &["/ab", "/xaybz", "/aab"], &["/ba", "/a/b"]);
    check("*", &["a"], &["/a", "a/b"]);
}

#[test]
fn two_stars_at_the_end_match_any_depth_and_none() {
    check(
        "/a/**",
        &["/a", "/a/", "/a/b", "/a/b/c/d/", "//a//b"],
        &["/ab", "/b/a", "a", "/"],
    );
    check("/**", &["/", "/a", "/a/b/"], &["", "a", "a/b"]);
    check("**", &["", "a", "a/b", "a/"], &["/", "/a"]);
}

#[test]
fn two_stars_at_the_start_match_any_depth_and_none() {
    check(
        "/**/x",
        &["/x", "/a/x", "/a/b/x"],
        &["/a/xy", "/x/a", "x", "/a/x/"],
    );
    check("**/x", &["x", "a/x", "a/b/x"], &["/x", "/a/x", "x/"]);
    check("/**/x/", &["/x/", "/a/x/"], &["/x", "/a/x"]);
}

#[test]
fn two_stars_in_the_middle_match_any_depth_and_none() {
    check(
        "/a/**/z",
        &["/a/z", "/a/b/z", "/a/b/c/z", "/a/z/z"],
        &["/a", "/z", "/a/b", "/a/z/b"],
    );
    check(
        "/a/**/m/n/**/z",
        &["/a/m/n/z", "/a/b/m/n/c/d/z", "/a/m/m/n/z"],
        &["/a/m/z", "/a/n/m/z", "/a/m/b/n/z", "/a/m/n"],
    );
    check("/**/*/**", &["/a", "/a/b", "/a/b/c"], &["/"]);
    check("/**/**", &["/", "/a", "/a/b"], &["a"]);
}

#[test]
fn two_stars_beside_something_else_are_single_stars() {
    check("/a**", &["/a", "/ab"], &["/a/b"]);
    check("/**a", &["/a", "/ba"], &["/b/a"]);
    check("/***", &["/a"], &["/a/b"]);
}

#[test]
fn a_trailing_slash_counts_unless_two_stars_are_last() {
    check("/a/", &["/a/", "/a//"], &["/a", "a/"]);
    check("/a/*/", &["/a/b/"], &["/a/b"]);
    check("/a/*", &["/a/b", "/a/"], &["/a", "/a/b/"]);
    check("/*/", &["/a/", "/"], &["/a"]);
    check("/**/", &["/", "/a", "/a/", "/a/b"], &["a", ""]);
    check("/a/**/", &["/a", "/a/", "/a/b", "/a/b/"], &["/b"]);
}

#[test]
fn a_leading_slash_stands_in_both_or_in_neither() {
    check("/a", &["/a"], &["a"]);
    check("a/**", &["a", "a/b"], &["/a", "/a/b"]);
}

#[test]
fn empty_segments_vanish() {
    check("/a//b", &["/a/b", "/a//b", "//a/b"], &["/a/b/", "/ab"]);
    check("//**//b", &["/b", "/a//b"], &["b"]);
}

#[test]
fn everything_else_stands_for_itself() {
    check("/a.b", &["/a.b"], &["/axb"]);
    check("/[a-z]+", &["/[a-z]+"], &["/a"]);
    check("/K-5 (east)/*", &["/K-5 (east)/b"], &["/K-5 (east)"]);
}

#[test]
fn many_wildcards_take_no_exponential_time() {
    let path = format!("/{}", "a/".repeat(2_000)) + "b";
    assert!(!matches(&format!("{}/c", "/**/a".repeat(150)), &path));
    let segment = format!("/{}", "a".repeat(20_000));
    assert!(!matches(&format!("/{}b", "*a".repeat(400)), &segment));
}

/// Straight from the rules in the module's documentation, trying every possibility.
fn reference(pattern: &str, path: &str) -> bool {
    fn segments(text: &str) -> Vec<&str> {
        text.split('/')
            .filter(|segment| !segment.is_empty())
            .collect()
    }
    fn segment(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                (0..=text.len()).any(|skipped| segment(rest, &text[skipped..]))
            }
            (Some((expected, rest)), Some((actual, text))) => {
                (*expected == '?' || expected == actual) && segment(rest, text)
            }
            _ => false,
        }
    }
    fn all(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => (0..=path.len()).any(|skipped| all(rest, &path[skipped..])),
            (Some((first, rest)), Some((segment_text, path))) => {
                let first: Vec<char> = first.chars().collect();
                let text: Vec<char> = segment_text.chars().collect();
                segment(&first, &text) && all(rest, path)
            }
            _ => false,
        }
    }
    let (pattern_segments, path_segments) = (segments(pattern), segments(path));
    if pattern.starts_with('/') != path.starts_with('/') {
        return false;
    }
    let ends_alike = pattern.ends_with('/') == path.ends_with('/');
    let any_depth_last = pattern_segments.last() == Some(&"**");
    let any_depth = pattern_segments.contains(&"**");
    let plain = all(&pattern_segments, &path_segments) && (ends_alike || any_depth_last);
    let last_star = pattern_segments.split_last().is_some_and(|(last, before)| {
        *last == "*" && path.ends_with('/') && !any_depth && all(before, &path_segments)
    });
    plain || last_star
}

proptest! {
    #[test]
    fn the_matcher_agrees_with_the_reference(
        pattern in "/{0,2}([ab?*]{1,3}|\\*\\*)?(/{1,2}([ab?*]{1,3}|\\*\\*)){0,4}/{0,1}",
        path in "/{0,1}[ab]{0,3}(/[ab]{1,3}){0,4}/{0,1}",
    ) {
        prop_assert_eq!(matches(&pattern, &path), reference(&pattern, &path));
    }

    #[test]
    fn a_path_matches_itself_and_any_depth(path in "(/[a-z.]{1,4}){1,5}") {
        prop_assert!(matches(&path, &path));
        prop_assert!(matches("/**", &path));
        let below = format!("{path}/x");
        let pattern = format!("{path}/**");
        prop_assert!(matches(&pattern, &below));
    }
}
