//! A school district, drawn from a seed: schools, grades and people, for any provider to show.
//!
//! Classes and guardians are drawn apart, when somebody first asks for the [`Timetable`].
//!
//! The same seed, size and shape always give the same district. Sizes go from one person to
//! hundreds of thousands; a person takes about 150 bytes.

mod guardians;
mod names;
mod people;
mod schools;
mod shape;
mod timetable;

use std::sync::OnceLock;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use guardians::{Guardian, Relation};
pub use people::{Person, PersonIndex, PersonKind, PersonState};
pub use schools::{Grade, School, SchoolIndex, SchoolLevel};
pub use shape::DistrictShape;
pub use timetable::{Class, Course, Subject, Term, Timetable};

/// A district with its schools and everybody in it.
#[derive(Clone, Debug)]
pub struct District {
    seed: u64,
    shape: DistrictShape,
    schools: Vec<School>,
    people: Vec<Person>,
    timetable: OnceLock<Timetable>,
}

impl District {
    /// Draws a district of exactly `size` people (service accounts included).
    ///
    /// Administrators come first, so that the smallest district still has somebody to sign in.
    pub fn generate(seed: u64, size: usize, shape: DistrictShape) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let schools = schools::found(people::student_count(size));
        let people = people::draw(&mut rng, size, &shape, &schools);
        Self {
            seed,
            shape,
            schools,
            people,
            timetable: OnceLock::new(),
        }
    }

    /// "Maple Grove" of the given size, in its usual shape.
    pub fn maple_grove(seed: u64, size: usize) -> Self {
        Self::generate(seed, size, DistrictShape::default())
    }

    /// The seed it was drawn from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The shape it was drawn to.
    pub fn shape(&self) -> &DistrictShape {
        &self.shape
    }

    /// The schools; the district office is not one of them.
    pub fn schools(&self) -> &[School] {
        &self.schools
    }

    /// A school by its index.
    pub fn school(&self, index: SchoolIndex) -> Option<&School> {
        self.schools.get(usize::from(index.0))
    }

    /// Everybody, in the order drawn.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// A person by index.
    pub fn person(&self, index: PersonIndex) -> Option<&Person> {
        self.people.get(index.number())
    }

    /// Everybody with their index, in the order drawn.
    pub fn indexed_people(&self) -> impl Iterator<Item = (PersonIndex, &Person)> {
        (0..u32::MAX).map(PersonIndex).zip(&self.people)
    }

    /// What is taught, and the guardians; drawn when first asked for.
    pub fn timetable(&self) -> &Timetable {
        self.timetable.get_or_init(|| Timetable::of(self))
    }

    /// The classes, school by school.
    pub fn classes(&self) -> &[Class] {
        self.timetable().classes()
    }

    /// The guardians of some of the students.
    pub fn guardians(&self) -> &[Guardian] {
        self.timetable().guardians()
    }

    /// The domain of a person's address.
    pub fn domain_of(&self, person: &Person) -> &str {
        match (&self.shape.student_domain, person.kind) {
            (Some(domain), PersonKind::Student) => domain,
            _ => &self.shape.domain,
        }
    }

    /// A person's address, in lower case.
    pub fn address_of(&self, person: &Person) -> String {
        format!("{}@{}", person.local_part, self.domain_of(person))
    }
}

#[cfg(test)]
mod tests;
