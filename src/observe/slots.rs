//! Slots of a cluster that a request names keys of.

/// None, one, or more than a cluster lets one request name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slots {
    None,
    One(u16),
    Several,
}

impl Slots {
    /// These and another one.
    pub fn with(self, slot: u16) -> Slots {
        match self {
            Slots::None => Slots::One(slot),
            Slots::One(known) if known == slot => self,
            _ => Slots::Several,
        }
    }
}
