//! The mapping crate as its callers see it.

// Marked as test code one by one: the lints that spare tests look for the mark.
#[cfg(test)]
mod ant_paths;
#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod district;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod guard_properties;
#[cfg(test)]
mod guarding;
#[cfg(test)]
mod leavers;
#[cfg(test)]
mod matches;
#[cfg(test)]
mod nights;
#[cfg(test)]
mod plan_properties;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod schools;
#[cfg(test)]
mod source_properties;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod town;
