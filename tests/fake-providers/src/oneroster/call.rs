//! Which reads there are (PROVIDERS 6.4).

use std::collections::BTreeSet;

use super::dataset::{Dataset, Kind, Record, Row, SessionType};

/// What can be read as a collection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Set {
    AcademicSessions,
    Classes,
    Courses,
    Demographics,
    Enrollments,
    GradingPeriods,
    Orgs,
    Schools,
    Students,
    Teachers,
    Terms,
    Users,
}

impl Set {
    pub(super) const ALL: [Self; 12] = [
        Self::AcademicSessions,
        Self::Classes,
        Self::Courses,
        Self::Demographics,
        Self::Enrollments,
        Self::GradingPeriods,
        Self::Orgs,
        Self::Schools,
        Self::Students,
        Self::Teachers,
        Self::Terms,
        Self::Users,
    ];

    /// Its word in paths.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::AcademicSessions => "academicSessions",
            Self::Classes => "classes",
            Self::Courses => "courses",
            Self::Demographics => "demographics",
            Self::Enrollments => "enrollments",
            Self::GradingPeriods => "gradingPeriods",
            Self::Orgs => "orgs",
            Self::Schools => "schools",
            Self::Students => "students",
            Self::Teachers => "teachers",
            Self::Terms => "terms",
            Self::Users => "users",
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::AcademicSessions | Self::GradingPeriods | Self::Terms => Kind::AcademicSession,
            Self::Classes => Kind::Class,
            Self::Courses => Kind::Course,
            Self::Demographics | Self::Students | Self::Teachers | Self::Users => Kind::User,
            Self::Enrollments => Kind::Enrollment,
            Self::Orgs | Self::Schools => Kind::Org,
        }
    }

    /// What a list of these is called, by content.
    pub(super) fn plural(self) -> &'static str {
        match self.kind() {
            _ if self == Self::Demographics => "demographics",
            Kind::AcademicSession => "academicSessions",
            Kind::Class => "classes",
            Kind::Course => "courses",
            Kind::Enrollment => "enrollments",
            Kind::Org => "orgs",
            Kind::User => "users",
        }
    }

    /// What one of these is called.
    pub(super) fn singular(self) -> &'static str {
        match self.kind() {
            _ if self == Self::Demographics => "demographics",
            Kind::AcademicSession => "academicSession",
            Kind::Class => "class",
            Kind::Course => "course",
            Kind::Enrollment => "enrollment",
            Kind::Org => "org",
            Kind::User => "user",
        }
    }

    /// Whether a record of the kind belongs to the set.
    pub(super) fn has(self, row: &Row) -> bool {
        match (self, &row.record) {
            (Self::GradingPeriods, Record::AcademicSession(session)) => {
                session.session_type == SessionType::GradingPeriod
            }
            (Self::Terms, Record::AcademicSession(session)) => matches!(
                session.session_type,
                SessionType::Semester | SessionType::Term
            ),
            (Self::Schools, Record::Org(org)) => org.org_type == "school",
            (Self::Demographics, Record::User(user)) => user.demographics.is_some(),
            (Self::Students, Record::User(user)) => user.has_role("student"),
            (Self::Teachers, Record::User(user)) => user.has_role("teacher"),
            _ => true,
        }
    }

    /// What can be read of one of these.
    pub(super) fn within(self) -> &'static [Self] {
        match self {
            Self::Classes => &[Self::Students, Self::Teachers],
            Self::Courses | Self::Students | Self::Teachers | Self::Users => &[Self::Classes],
            Self::Schools => &[
                Self::Classes,
                Self::Courses,
                Self::Enrollments,
                Self::Students,
                Self::Teachers,
                Self::Terms,
            ],
            Self::Terms => &[Self::Classes, Self::GradingPeriods],
            Self::AcademicSessions
            | Self::Demographics
            | Self::Enrollments
            | Self::GradingPeriods
            | Self::Orgs => &[],
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.word() == word)
    }
}

/// What can be read of a class of a school.
pub(super) const WITHIN_CLASS_OF_SCHOOL: [Set; 3] =
    [Set::Enrollments, Set::Students, Set::Teachers];

/// A read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Call {
    /// A collection.
    All(Set),
    /// One record.
    One(Set, String),
    /// What belongs to a record, or to a class of a school.
    Within {
        parents: Vec<(Set, String)>,
        set: Set,
    },
}

impl Call {
    /// The read of a path below the base; none if there is none.
    pub(super) fn of(path: &str) -> Option<Self> {
        let segments: Option<Vec<String>> = path
            .split('/')
            .map(|segment| {
                let plain = percent_encoding::percent_decode_str(segment);
                Some(plain.decode_utf8().ok()?.into_owned())
            })
            .collect();
        let segments = segments?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match *segments.as_slice() {
            [all] => Some(Self::All(Set::named(all)?)),
            [set, id] if !id.is_empty() => Some(Self::One(Set::named(set)?, id.to_owned())),
            [parent, id, set] => {
                let (parent, set) = (Set::named(parent)?, Set::named(set)?);
                let parents = vec![(parent, id.to_owned())];
                parent
                    .within()
                    .contains(&set)
                    .then_some(Self::Within { parents, set })
            }
            ["schools", school, "classes", class, set] => {
                let set = Set::named(set)?;
                let parents = vec![
                    (Set::Schools, school.to_owned()),
                    (Set::Classes, class.to_owned()),
                ];
                WITHIN_CLASS_OF_SCHOOL
                    .contains(&set)
                    .then_some(Self::Within { parents, set })
            }
            _ => None,
        }
    }

    pub(super) fn set(&self) -> Set {
        match self {
            Self::All(set) | Self::One(set, _) | Self::Within { set, .. } => *set,
        }
    }

    /// The scopes of which one is enough.
    pub(super) fn scopes(&self) -> &'static [&'static str] {
        match self {
            _ if self.set() == Set::Demographics => &["roster-demographics.readonly"],
            Self::Within { .. } => &["roster.readonly"],
            Self::All(_) | Self::One(..) => &["roster-core.readonly", "roster.readonly"],
        }
    }

    /// The rows of a collection or of what belongs to a record, in the order in which they come;
    /// none if what they belong to is not there.
    pub(super) fn rows<'a>(&self, dataset: &'a Dataset, by_id: bool) -> Option<Vec<&'a Row>> {
        match self {
            Self::One(..) => None,
            Self::All(set) => {
                let has = |row: &&Row| set.has(row);
                Some(if by_id {
                    dataset.rows_by_id(set.kind()).filter(has).collect()
                } else {
                    dataset.rows(set.kind()).filter(has).collect()
                })
            }
            Self::Within { parents, set } => {
                for (parent, id) in parents {
                    dataset
                        .row(parent.kind(), id)
                        .filter(|row| parent.has(row))?;
                }
                let mut rows = match parents.as_slice() {
                    [(Set::Schools, school)] => of_school(dataset, school, *set),
                    [(Set::Schools, school), (_, class)] => {
                        let is_here =
                            |row: &&Row| row.class().is_some_and(|class| class.school == *school);
                        dataset.row(Kind::Class, class).filter(is_here)?;
                        of_class(dataset, class, *set)
                    }
                    [(Set::Classes, class)] => of_class(dataset, class, *set),
                    [(parent, id)] => of_other(dataset, *parent, id, *set),
                    _ => Vec::new(),
                };
                if by_id {
                    rows.sort_by(|one, other| one.sourced_id.cmp(&other.sourced_id));
                }
                Some(rows)
            }
        }
    }
}

fn of_school<'a>(dataset: &'a Dataset, school: &str, set: Set) -> Vec<&'a Row> {
    let taught = || {
        let classes = dataset.rows(Kind::Class);
        let classes = classes.filter_map(Row::class);
        classes.filter(|class| class.school == school)
    };
    let mut offered: BTreeSet<&str> = BTreeSet::new();
    if set == Set::Courses {
        offered.extend(taught().map(|class| class.course.as_str()));
    } else if set == Set::Terms {
        offered.extend(taught().flat_map(|class| class.terms.iter().map(String::as_str)));
    }
    let is_here = |row: &&Row| match &row.record {
        Record::AcademicSession(_) | Record::Course(_) => offered.contains(row.sourced_id.as_str()),
        Record::Class(class) => class.school == school,
        Record::Enrollment(enrollment) => enrollment.school == school,
        Record::Org(_) => false,
        Record::User(user) => user.roles.iter().any(|role| role.org == school),
    };
    let rows = dataset.rows(set.kind());
    rows.filter(|row| set.has(row)).filter(is_here).collect()
}

/// What belongs to a class; the students by what they are in the class, not elsewhere.
fn of_class<'a>(dataset: &'a Dataset, class: &str, set: Set) -> Vec<&'a Row> {
    let enrollments = dataset.enrollments_in(class);
    if set == Set::Enrollments {
        return enrollments.collect();
    }
    let role = if set == Set::Teachers {
        "teacher"
    } else {
        "student"
    };
    let users = enrollments
        .filter_map(Row::enrollment)
        .filter(|enrollment| enrollment.role == role)
        .filter_map(|enrollment| dataset.row(Kind::User, &enrollment.user));
    users.collect()
}

fn of_other<'a>(dataset: &'a Dataset, parent: Set, id: &str, set: Set) -> Vec<&'a Row> {
    if parent.kind() == Kind::User {
        let classes = dataset
            .enrollments_of(id)
            .filter_map(Row::enrollment)
            .filter_map(|enrollment| dataset.row(Kind::Class, &enrollment.class));
        return classes.collect();
    }
    let belongs = |row: &&Row| match &row.record {
        Record::AcademicSession(session) => session.parent.as_deref() == Some(id),
        Record::Class(class) if parent == Set::Courses => class.course == id,
        Record::Class(class) => class.terms.iter().any(|term| term == id),
        Record::Course(_) | Record::Enrollment(_) | Record::Org(_) | Record::User(_) => false,
    };
    let rows = dataset.rows(set.kind());
    rows.filter(|row| set.has(row)).filter(belongs).collect()
}
