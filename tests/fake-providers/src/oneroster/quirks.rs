//! How servers differ from the specification and from each other (PROVIDERS 6 and 9.3).

use serde::{Deserialize, Serialize};

/// Deviations in force; the default is a server that follows the specification.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// What every request for data gets.
    pub answers: Answers,
    /// How true and false are written.
    pub booleans: BooleanStyle,
    /// Whether the students of a class include its teachers.
    pub class_students_include_teachers: bool,
    /// Whether some users refer to an org that is not in the set.
    pub dangling_orgs: bool,
    /// What a list without records is.
    pub empty_list: EmptyList,
    /// What a list is called.
    pub envelope: Envelope,
    /// What errors look like.
    pub errors: ErrorShape,
    /// What becomes of a filter.
    pub filters: Filters,
    /// Whether every page is the first.
    pub ignores_offset: bool,
    /// How the `Link` header is written.
    pub links: LinkStyle,
    /// What `dateLastModified` tells.
    pub modified: ModifiedStyle,
    /// Whether offsets count from 1.
    pub offset_from_one: bool,
    /// The most records on a page, whatever was asked for.
    pub page_limit: Option<usize>,
    /// Whether the `password` of version 1.1 carries the user's password.
    pub passwords: bool,
    /// How roles are written.
    pub roles: RoleStyle,
    /// What becomes of a sort order.
    pub sorting: Sorting,
    /// What the status of a deleted record is.
    pub deleted: DeletedStatus,
    /// Whether the count of all records comes with a list.
    pub total_count: TotalCount,
    /// What somebody without access gets.
    pub unauthorized: Unauthorized,
}

/// What every request for data gets.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// What it asks for.
    #[default]
    Data,
    /// The page on which people sign in, as success.
    LoginPage,
    /// Success without a body.
    Nothing,
}

/// How true and false are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BooleanStyle {
    /// `"true"`.
    #[default]
    Text,
    /// `"True"`.
    Capitalised,
    /// `true`.
    Json,
}

/// What a list without records is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyList {
    /// An empty list.
    #[default]
    List,
    /// An error 404.
    NotFound,
}

/// What a list is called.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// By what is in it: `users` for students too.
    #[default]
    Content,
    /// By the last word of the path: `students`.
    Path,
}

/// What errors look like.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorShape {
    /// As the version has it: `imsx_…` in 1.2, a `statusInfoSet` in 1.1.
    #[default]
    Version,
    /// A: a list named `statusInfoSet`.
    StatusInfoSet,
    /// B: `CodeMajor`.
    Capitalised,
    /// C: `codeMajor`.
    LowerCase,
    /// A line of text.
    PlainText,
}

/// What becomes of a filter.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Filters {
    /// It holds.
    #[default]
    Supported,
    /// The list comes as if there were none.
    Ignored,
    /// It is refused.
    Refused,
}

/// How the `Link` header is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkStyle {
    /// As RFC 8288 has it.
    #[default]
    Standard,
    /// Without the angle brackets.
    Bare,
    /// Not at all.
    Missing,
    /// With a `next` on the last page too.
    NextOnLast,
    /// With `http` and the name of an inner host.
    OtherHost,
}

/// What `dateLastModified` tells.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModifiedStyle {
    /// The instant, in UTC.
    #[default]
    Exact,
    /// The present, whatever happened.
    AlwaysNow,
    /// The day.
    DateOnly,
    /// The time in the district, without saying so.
    LocalTime,
}

/// How roles are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleStyle {
    /// As enumerated.
    #[default]
    Standard,
    /// `Teacher`.
    Capitalised,
    /// Staff have roles that no version knows.
    OutsideEnumeration,
}

/// What becomes of a sort order.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sorting {
    /// It holds.
    #[default]
    Supported,
    /// The list comes as it is, with a warning.
    Unsupported,
}

/// What the status of a deleted record is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedStatus {
    /// `tobedeleted`.
    #[default]
    ToBeDeleted,
    /// `inactive`, from before version 1.1.
    Inactive,
}

/// Whether the count of all records comes with a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalCount {
    /// It does.
    #[default]
    Right,
    /// It does not.
    Missing,
    /// It is the number of records on the page.
    OfThePage,
    /// It is some more than there are.
    TooHigh,
}

/// What somebody without access gets.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unauthorized {
    /// 401 with an error.
    #[default]
    Error,
    /// 401 without a body.
    Empty,
    /// 200 without a body.
    EmptyWith200,
    /// 401 with a page.
    Html,
    /// 200 with the page on which people sign in.
    LoginPage,
}
