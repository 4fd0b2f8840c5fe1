//! What kind of district to draw.

/// Names and proportions of a district. Proportions are in thousandths of the people concerned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DistrictShape {
    /// The district's name.
    pub name: String,
    /// The primary domain.
    pub domain: String,
    /// Where students have their addresses, if not in the primary domain.
    pub student_domain: Option<String>,
    /// How many are suspended.
    pub suspended_per_mille: u32,
    /// How many are archived.
    pub archived_per_mille: u32,
    /// How many students and teachers came from another school of the district this year.
    pub moved_per_mille: u32,
    /// How many teachers work in a second school.
    pub two_schools_per_mille: u32,
    /// How many have a second address.
    pub alias_per_mille: u32,
    /// How many have a name that breaks careless software.
    pub odd_name_per_mille: u32,
}

impl Default for DistrictShape {
    fn default() -> Self {
        Self {
            name: "Maple Grove".to_owned(),
            domain: "maplegrove.example".to_owned(),
            student_domain: None,
            suspended_per_mille: 10,
            archived_per_mille: 10,
            moved_per_mille: 30,
            two_schools_per_mille: 40,
            alias_per_mille: 40,
            odd_name_per_mille: 40,
        }
    }
}

impl DistrictShape {
    /// The same, with students in `students.` below the primary domain.
    #[must_use]
    pub fn with_student_domain(mut self) -> Self {
        self.student_domain = Some(format!("students.{}", self.domain));
        self
    }
}
