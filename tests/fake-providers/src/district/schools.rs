//! The schools of a district and the grades they teach.

use std::fmt;

/// A grade, kindergarten to twelve.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Grade(u8);

impl Grade {
    /// Kindergarten.
    pub const KINDERGARTEN: Self = Self(0);
    /// The last grade.
    pub const TWELVE: Self = Self(12);

    /// The grade of that number, kindergarten being 0.
    pub fn new(number: u8) -> Option<Self> {
        (number <= Self::TWELVE.0).then_some(Self(number))
    }

    /// The number, kindergarten being 0.
    pub fn number(self) -> u8 {
        self.0
    }

    /// "Kindergarten" or "Grade 09".
    pub fn title(self) -> String {
        match self.0 {
            0 => "Kindergarten".to_owned(),
            number => format!("Grade {number:02}"),
        }
    }
}

/// The grade's code: `KG`, `01` to `12`.
impl fmt::Display for Grade {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => formatter.write_str("KG"),
            number => write!(formatter, "{number:02}"),
        }
    }
}

/// Which grades a school teaches.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SchoolLevel {
    /// Kindergarten to five.
    Elementary,
    /// Six to eight.
    Middle,
    /// Nine to twelve.
    High,
}

impl SchoolLevel {
    const ALL: [Self; 3] = [Self::High, Self::Middle, Self::Elementary];

    /// The lowest and the highest grade.
    pub fn grades(self) -> (Grade, Grade) {
        match self {
            Self::Elementary => (Grade(0), Grade(5)),
            Self::Middle => (Grade(6), Grade(8)),
            Self::High => (Grade(9), Grade(12)),
        }
    }

    /// The level that teaches a grade.
    pub fn teaching(grade: Grade) -> Self {
        match grade.0 {
            0..=5 => Self::Elementary,
            6..=8 => Self::Middle,
            _ => Self::High,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Elementary => "Elementary School",
            Self::Middle => "Middle School",
            Self::High => "High School",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Elementary => "ES",
            Self::Middle => "MS",
            Self::High => "HS",
        }
    }

    /// How many students such a school usually has.
    fn usual_size(self) -> usize {
        match self {
            Self::Elementary => 500,
            Self::Middle => 800,
            Self::High => 1_400,
        }
    }
}

/// A school's place in [`super::District::schools`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SchoolIndex(pub(super) u16);

impl SchoolIndex {
    /// The place as a number.
    pub fn number(self) -> usize {
        usize::from(self.0)
    }
}

/// A school.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct School {
    /// Its number in the student information system, such as `HS-01`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its level.
    pub level: SchoolLevel,
}

impl School {
    /// The start of its mail addresses: `hs-01`.
    pub fn slug(&self) -> String {
        self.code.to_ascii_lowercase()
    }
}

/// Founds schools for so many students, at least one of each level.
pub(super) fn found(student_count: usize) -> Vec<School> {
    let mut schools = Vec::new();
    for level in SchoolLevel::ALL {
        let (low, high) = level.grades();
        let grade_count = usize::from(high.0 - low.0) + 1;
        let pupils = student_count * grade_count / 13;
        let count = pupils.div_ceil(level.usual_size()).clamp(1, 10_000);
        schools.extend((0..count).map(|number| School {
            code: format!("{}-{:02}", level.code(), number + 1),
            name: format!("{} {}", school_name(number), level.title()),
            level,
        }));
    }
    schools
}

/// The name without the level; the first ones hold what path and query parsers stumble over.
fn school_name(number: usize) -> String {
    const NAMES: [&str; 32] = [
        "Maple Grove",
        "O'Neill",
        "St. Clair",
        "Peña",
        "Lincoln",
        "Oak Ridge",
        "Franklin",
        "Sojourner Truth",
        "Riverbend",
        "Washington-Carver",
        "Cedar Hill",
        "Jefferson",
        "Clearwater",
        "Harriet Tubman",
        "Willow Creek",
        "Roosevelt",
        "Stone & Mill",
        "Highland",
        "Elm Street",
        "Sunset",
        "Birchwood",
        "Monroe",
        "Pleasant View",
        "Edison",
        "Fox Hollow",
        "Madison",
        "Lakeside",
        "Cesar Chavez",
        "Prairie",
        "Douglass",
        "Meadowbrook",
        "Kennedy",
    ];
    let name = NAMES.get(number % NAMES.len()).copied().unwrap_or("Maple");
    match number / NAMES.len() {
        0 => name.to_owned(),
        1 => format!("North {name}"),
        2 => format!("South {name}"),
        more => format!("{name} {}", more - 1),
    }
}
