//! The tree of org units (PROVIDERS 2.5).

use std::collections::BTreeMap;

/// An org unit's place in the table; stays the same whatever its name and parent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct OrgUnitSlot(u32);

/// An org unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrgUnit {
    /// Google's id, `id:` and letters and digits.
    pub id: String,
    /// The last segment of the path.
    pub name: String,
    /// A sentence for administrators, possibly empty.
    pub description: String,
    /// The parent; none for the root.
    pub parent: Option<OrgUnitSlot>,
    /// The full path with its leading slash; `/` for the root.
    pub path: String,
    /// Grows with every change.
    pub version: u32,
}

/// All org units of a customer.
#[derive(Clone, Debug)]
pub struct OrgUnits {
    units: BTreeMap<OrgUnitSlot, OrgUnit>,
    by_path: BTreeMap<String, OrgUnitSlot>,
    next: u32,
}

impl OrgUnits {
    /// The root, which is always there.
    pub const ROOT: OrgUnitSlot = OrgUnitSlot(0);

    pub(super) fn new() -> Self {
        let mut units = Self {
            units: BTreeMap::new(),
            by_path: BTreeMap::new(),
            next: 0,
        };
        units.put(None, "/", String::new());
        units
    }

    /// An org unit by its place.
    pub fn get(&self, slot: OrgUnitSlot) -> Option<&OrgUnit> {
        self.units.get(&slot)
    }

    /// The path of an org unit.
    pub fn path(&self, slot: OrgUnitSlot) -> &str {
        self.get(slot).map_or("/", |unit| &unit.path)
    }

    /// The place of the org unit with that path, in any case, or with that id.
    pub fn find(&self, path_or_id: &str) -> Option<OrgUnitSlot> {
        if path_or_id.starts_with("id:") {
            let mut units = self.units.iter();
            let found = units.find(|(_, unit)| unit.id == path_or_id);
            return found.map(|(slot, _)| *slot);
        }
        self.by_path.get(&path_or_id.to_lowercase()).copied()
    }

    /// Everything, by place (the root first).
    pub fn iter(&self) -> impl Iterator<Item = (OrgUnitSlot, &OrgUnit)> {
        self.units.iter().map(|(slot, unit)| (*slot, unit))
    }

    /// Whether `slot` is `ancestor` or below it.
    pub fn is_within(&self, slot: OrgUnitSlot, ancestor: OrgUnitSlot) -> bool {
        let mut current = Some(slot);
        while let Some(unit) = current {
            if unit == ancestor {
                return true;
            }
            current = self.get(unit).and_then(|unit| unit.parent);
        }
        false
    }

    /// `ancestor` and everything below it, by path.
    pub fn subtree(&self, ancestor: OrgUnitSlot) -> Vec<OrgUnitSlot> {
        let inside = |slot: &&OrgUnitSlot| self.is_within(**slot, ancestor);
        self.by_path.values().filter(inside).copied().collect()
    }

    /// The units directly below `parent`, by path.
    pub fn children(&self, parent: OrgUnitSlot) -> Vec<OrgUnitSlot> {
        let is_child =
            |slot: &&OrgUnitSlot| self.get(**slot).and_then(|u| u.parent) == Some(parent);
        self.by_path.values().filter(is_child).copied().collect()
    }

    /// Adds a unit, or gives the one that has that path.
    pub(super) fn ensure(&mut self, parent: OrgUnitSlot, name: &str) -> OrgUnitSlot {
        let path = join(self.path(parent), name);
        self.find(&path)
            .unwrap_or_else(|| self.put(Some(parent), name, path))
    }

    pub(super) fn put(
        &mut self,
        parent: Option<OrgUnitSlot>,
        name: &str,
        path: String,
    ) -> OrgUnitSlot {
        let slot = OrgUnitSlot(self.next);
        self.next += 1;
        let path = if parent.is_none() {
            "/".to_owned()
        } else {
            path
        };
        self.by_path.insert(path.to_lowercase(), slot);
        let unit = OrgUnit {
            id: format!(
                "id:03ph8a2z{:07x}",
                u64::from(slot.0) * 2_654_435 % 0xFFF_FFFF
            ),
            name: name.to_owned(),
            description: String::new(),
            parent,
            path,
            version: 1,
        };
        self.units.insert(slot, unit);
        slot
    }

    /// Changes a unit and writes all paths anew.
    pub(super) fn edit(&mut self, slot: OrgUnitSlot, edit: impl FnOnce(&mut OrgUnit)) {
        if let Some(unit) = self.units.get_mut(&slot) {
            edit(unit);
            unit.version += 1;
        }
        self.rebuild_paths();
    }

    pub(super) fn remove(&mut self, slot: OrgUnitSlot) {
        self.units.remove(&slot);
        self.rebuild_paths();
    }

    fn rebuild_paths(&mut self) {
        let paths: Vec<_> = self
            .units
            .keys()
            .map(|slot| (*slot, self.full_path(*slot)))
            .collect();
        self.by_path.clear();
        for (slot, path) in paths {
            self.by_path.insert(path.to_lowercase(), slot);
            if let Some(unit) = self.units.get_mut(&slot)
                && unit.path != path
            {
                unit.path = path;
                unit.version += 1;
            }
        }
    }

    fn full_path(&self, slot: OrgUnitSlot) -> String {
        let mut names = Vec::new();
        let mut current = self.get(slot);
        while let Some(unit) = current {
            let Some(parent) = unit.parent else { break };
            names.push(unit.name.as_str());
            current = self.get(parent);
        }
        names.reverse();
        format!("/{}", names.join("/"))
    }
}

/// A path one level down.
pub(super) fn join(parent: &str, name: &str) -> String {
    format!("{}/{name}", parent.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (OrgUnits, OrgUnitSlot, OrgUnitSlot) {
        let mut units = OrgUnits::new();
        let students = units.ensure(OrgUnits::ROOT, "Students");
        let grade = units.ensure(students, "Grade 09");
        (units, students, grade)
    }

    #[test]
    fn paths_are_found_in_any_case() {
        let (units, _, grade) = tree();
        assert_eq!(units.find("/students/GRADE 09"), Some(grade));
        assert_eq!(units.path(grade), "/Students/Grade 09");
        assert_eq!(units.find("/"), Some(OrgUnits::ROOT));
        assert_eq!(units.find("/Grade 09"), None);
    }

    #[test]
    fn renaming_a_unit_changes_the_paths_below_and_keeps_the_ids() {
        let (mut units, students, grade) = tree();
        let id = units.get(grade).unwrap().id.clone();
        units.edit(students, |unit| unit.name = "Pupils".to_owned());
        assert_eq!(units.path(grade), "/Pupils/Grade 09");
        assert_eq!(units.find(&id), Some(grade));
        assert_eq!(units.find("/Students"), None);
    }

    #[test]
    fn a_subtree_holds_its_root() {
        let (units, students, grade) = tree();
        assert_eq!(units.subtree(students), [students, grade]);
        assert_eq!(units.children(OrgUnits::ROOT), [students]);
    }
}
