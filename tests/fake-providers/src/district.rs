//! A school district, drawn from a seed: schools, grades and people, for any provider to show.
//!
//! The same seed, size and shape always give the same district. Sizes go from one person to
//! hundreds of thousands; a person takes about 150 bytes.

mod names;
mod people;
mod schools;
mod shape;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use people::{Person, PersonKind, PersonState};
pub use schools::{Grade, School, SchoolIndex, SchoolLevel};
pub use shape::DistrictShape;

/// A district with its schools and everybody in it.
#[derive(Clone, Debug)]
pub struct District {
    seed: u64,
    shape: DistrictShape,
    schools: Vec<School>,
    people: Vec<Person>,
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
