//! How a trace came about, and how the recording and the process ended.

use std::fmt;

/// Where the events of a trace come from. It decides what they can be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A recorder wrote down each event.
    #[default]
    Recorded,
    /// A heaptrack data file. Sizes, places and the order of events are those of the program. The
    /// file does not tell threads and alignments, nor which of several equal objects was freed:
    /// the youngest is taken.
    Heaptrack,
    /// A DHAT profile. It has totals per call site and no events: the totals are exact, and
    /// everything about order and time is a **model**.
    Dhat,
}

impl Origin {
    const ALL: [Self; 3] = [Self::Recorded, Self::Heaptrack, Self::Dhat];

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Recorded => 0,
            Self::Heaptrack => 1,
            Self::Dhat => 2,
        }
    }

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.code() == code)
    }
}

/// Why a recording ended before its process did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The limit on its size was reached.
    Limit,
    /// The recorder could not go on, for example because the disk was full.
    Failure,
    /// The process was still running when its trace was written.
    StillRunning,
}

impl StopReason {
    const ALL: [Option<Self>; 4] = [
        None,
        Some(Self::Limit),
        Some(Self::Failure),
        Some(Self::StillRunning),
    ];

    pub(crate) fn code(reason: Option<Self>) -> u64 {
        let place = Self::ALL.iter().position(|other| *other == reason);
        place.unwrap_or(0) as u64
    }

    pub(crate) fn of_code(code: u64) -> Option<Option<Self>> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// It is not known.
    #[default]
    Unknown,
    /// By itself, with this status.
    Status(u8),
    /// By this signal.
    Signal(u8),
}

impl Ending {
    pub(crate) fn code(self) -> u64 {
        match self {
            Self::Unknown => 0,
            Self::Status(status) => 1 << 8 | u64::from(status),
            Self::Signal(signal) => 2 << 8 | u64::from(signal),
        }
    }

    pub(crate) fn of_code(code: u64) -> Option<Self> {
        let value = code as u8;
        match code >> 8 {
            0 if value == 0 => Some(Self::Unknown),
            1 => Some(Self::Status(value)),
            2 => Some(Self::Signal(value)),
            _ => None,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_and_others_are_refused() {
        for origin in Origin::ALL {
            assert_eq!(Origin::of_code(origin.code()), Some(origin));
        }
        for reason in StopReason::ALL {
            assert_eq!(StopReason::of_code(StopReason::code(reason)), Some(reason));
        }
        for ending in [Ending::Unknown, Ending::Status(255), Ending::Signal(9)] {
            assert_eq!(Ending::of_code(ending.code()), Some(ending));
        }
        assert_eq!(Origin::of_code(9), None);
        assert_eq!(StopReason::of_code(9), None);
        assert_eq!((Ending::of_code(1), Ending::of_code(3 << 8)), (None, None));
    }
}
