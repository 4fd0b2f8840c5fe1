//! Changes of the tree of org units.

use super::org_unit::join;
use super::{ChangeRefused, Directory, OrgUnitSlot, OrgUnits};

impl Directory {
    pub(super) fn add_org_unit(
        &mut self,
        parent: &str,
        name: &str,
    ) -> Result<String, ChangeRefused> {
        let parent = self.unit(parent)?;
        let path = self.free_path(parent, name, None)?;
        let slot = self.org_units.put(Some(parent), name, path);
        self.unit_id(slot)
    }

    pub(super) fn rename_org_unit(
        &mut self,
        unit: &str,
        name: &str,
    ) -> Result<String, ChangeRefused> {
        let slot = self.unit(unit)?;
        let parent = self.org_units.get(slot).and_then(|unit| unit.parent);
        let parent = parent.ok_or(ChangeRefused::InvalidParent)?;
        self.free_path(parent, name, Some(slot))?;
        self.org_units
            .edit(slot, |unit| name.clone_into(&mut unit.name));
        self.touch_users_below(slot);
        self.unit_id(slot)
    }

    pub(super) fn move_org_unit(
        &mut self,
        unit: &str,
        parent: &str,
    ) -> Result<String, ChangeRefused> {
        let slot = self.unit(unit)?;
        let parent = self.unit(parent)?;
        if slot == OrgUnits::ROOT || self.org_units.is_within(parent, slot) {
            return Err(ChangeRefused::InvalidParent);
        }
        let name = self.org_units.get(slot).map(|unit| unit.name.clone());
        self.free_path(parent, &name.unwrap_or_default(), Some(slot))?;
        self.org_units.edit(slot, |unit| unit.parent = Some(parent));
        self.touch_users_below(slot);
        self.unit_id(slot)
    }

    pub(super) fn delete_org_unit(&mut self, unit: &str) -> Result<String, ChangeRefused> {
        let slot = self.unit(unit)?;
        if slot == OrgUnits::ROOT {
            return Err(ChangeRefused::InvalidParent);
        }
        let occupied = self.slots_in(slot).next().is_some();
        if occupied || !self.org_units.children(slot).is_empty() {
            return Err(ChangeRefused::NotEmpty);
        }
        let id = self.unit_id(slot)?;
        self.org_units.remove(slot);
        Ok(id)
    }

    fn unit_id(&self, slot: OrgUnitSlot) -> Result<String, ChangeRefused> {
        let unit = self
            .org_units
            .get(slot)
            .ok_or(ChangeRefused::UnknownOrgUnit)?;
        Ok(unit.id.clone())
    }

    /// The path below `parent`, if nobody but `except` has it.
    fn free_path(
        &self,
        parent: OrgUnitSlot,
        name: &str,
        except: Option<OrgUnitSlot>,
    ) -> Result<String, ChangeRefused> {
        if name.is_empty() || name.contains('/') {
            return Err(ChangeRefused::Invalid("Ou Name"));
        }
        let path = join(self.org_units.path(parent), name);
        match self.org_units.find(&path) {
            Some(slot) if Some(slot) != except => Err(ChangeRefused::OrgUnitExists),
            _ => Ok(path),
        }
    }

    /// A new path is a change of every user below.
    fn touch_users_below(&mut self, slot: OrgUnitSlot) {
        let units = self.org_units.subtree(slot);
        let slots: Vec<_> = units.iter().flat_map(|unit| self.slots_in(*unit)).collect();
        for slot in slots {
            if let Some(user) = usize::try_from(slot)
                .ok()
                .and_then(|index| self.users.get_mut(index))
            {
                user.version += 1;
            }
        }
    }
}
