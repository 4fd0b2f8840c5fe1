//! The guardians of a district's students, as its schools have noted them down.
//!
//! Schools note a guardian once for each child, or once for all; they take whatever address they
//! are given, a child's own included. Nobody should take an address for a person.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::names;
use super::people::PersonKind;
use super::{District, PersonIndex};

/// The first guardian's number; apart from every person's.
const FIRST_NUMBER: u32 = 5_000_001;

/// How many students in a thousand have a guardian noted down.
const NOTED_PER_MILLE: u32 = 400;

/// Keeps the draw of guardians apart from the draw of people.
const GUARDIAN_SALT: u64 = 0x6775_6172_6469_616e;

/// Somebody who looks after students.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Guardian {
    /// The record's number, unique among people and guardians of the district.
    pub number: u32,
    /// Given name as written.
    pub given: String,
    /// Family name as written.
    pub family: String,
    /// The address, in lower case; other guardians or the student may have the same.
    pub address: Option<String>,
    /// The telephone number, as somebody wrote it.
    pub phone: Option<String>,
    /// What they are to the students.
    pub relation: Relation,
    /// The students, at least one.
    pub students: Vec<PersonIndex>,
}

/// What a guardian is to a student.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Relation {
    /// A mother's or father's mother or father.
    Grandparent,
    /// Mother or father.
    Parent,
}

/// Draws the guardians.
pub(super) fn draw(district: &District) -> Vec<Guardian> {
    let mut rng = ChaCha8Rng::seed_from_u64(district.seed() ^ GUARDIAN_SALT);
    let mut guardians: Vec<Guardian> = Vec::new();
    // The place of the last guardian of each family name.
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    for (student, person) in district.indexed_people() {
        let is_noted = rng.random_range(0..1_000) < NOTED_PER_MILLE;
        if person.kind != PersonKind::Student || !is_noted {
            continue;
        }
        let place = guardians.len();
        let number = FIRST_NUMBER.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
        let sibling = families.get(&*person.family).copied();
        let sibling = sibling.and_then(|known| guardians.get_mut(known));
        let luck = rng.random_range(0..100);
        let guardian = match sibling {
            // One record for the children of a family.
            Some(known) if luck < 15 => {
                known.students.push(student);
                continue;
            }
            // The same person written down again for another child.
            Some(known) if luck < 30 => Guardian {
                number,
                students: vec![student],
                ..known.clone()
            },
            _ => {
                let (given, ascii) = names::given(&mut rng, false);
                let own = format!("{ascii}{number}@home.example");
                let address = match luck {
                    30..=34 => Some(district.address_of(person)),
                    35..=54 => None,
                    _ => Some(own),
                };
                Guardian {
                    number,
                    given: given.into_owned(),
                    family: person.family.clone().into_owned(),
                    address,
                    phone: (luck % 3 > 0).then(|| format!("555-01{:02}", number % 100)),
                    relation: match luck {
                        0..=89 => Relation::Parent,
                        _ => Relation::Grandparent,
                    },
                    students: vec![student],
                }
            }
        };
        families.insert(&*person.family, place);
        guardians.push(guardian);
    }
    guardians
}
