//! oauth component.
