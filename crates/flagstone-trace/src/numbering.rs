//! The rules that hold for every event and need no table: numbers are dense, sizes are possible.

use crate::error::Fault;
use crate::{Event, EventKind, ObjectId, ThreadNumber};

/// How far the numbering of a stream of events has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbering {
    pub(crate) events: u64,
    pub(crate) objects: u64,
    pub(crate) threads: u32,
}

impl Numbering {
    /// Counts `event`, or says which rule it breaks. Nothing is counted then.
    pub(crate) fn admit(&mut self, event: &Event) -> Result<(), Fault> {
        let threads = self.threads_with(event.thread)?;
        match event.kind {
            EventKind::Alloc {
                object,
                size,
                align,
                ..
            } => {
                let expected = ObjectId(self.objects);
                if object != expected {
                    return Err(Fault::ObjectOutOfOrder {
                        given: object,
                        expected,
                    });
                }
                if !align.is_power_of_two() {
                    return Err(Fault::Align(align));
                }
                self.size(size, align)?;
                self.objects += 1;
            }
            EventKind::Realloc { object, size } => {
                self.known(object)?;
                self.size(size, 1)?;
            }
            EventKind::Free { object } => self.known(object)?,
        }
        self.threads = threads;
        self.events += 1;
        Ok(())
    }

    fn threads_with(&self, given: ThreadNumber) -> Result<u32, Fault> {
        let disorder = Fault::ThreadOutOfOrder {
            given,
            threads: self.threads,
        };
        if given.0 < self.threads {
            Ok(self.threads)
        } else if given.0 == self.threads {
            self.threads.checked_add(1).ok_or(disorder)
        } else {
            Err(disorder)
        }
    }

    fn known(&self, object: ObjectId) -> Result<(), Fault> {
        if object.0 < self.objects {
            Ok(())
        } else {
            Err(Fault::UnknownObject(object))
        }
    }

    /// The rule of `Layout`: the size rounded up to the alignment fits a signed 64-bit number.
    fn size(&self, size: u64, align: u64) -> Result<(), Fault> {
        let limit = (1 << 63) - align;
        if size <= limit {
            Ok(())
        } else {
            Err(Fault::Size { size, align })
        }
    }
}
