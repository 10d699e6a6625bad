//! What is counted, and what each number is called.

/// How a number behaves over time, and what adding up two of them means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Only grows; a sum counts what all parts did.
    Counter,
    /// Goes up and down; a sum is what all parts have now.
    Gauge,
    /// The most that a gauge has been; a sum is an upper bound, because the parts' peaks need not
    /// have been at the same time.
    Peak,
}

macro_rules! metrics {
    ($($(#[$doc:meta])+ $variant:ident $name:literal $kind:ident;)+) => {
        /// A number of a [`Snapshot`](super::Snapshot).
        ///
        /// A structure that has no use for a metric leaves it at 0. More may come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Metric {
            $($(#[$doc])+ $variant,)+
        }

        impl Metric {
            /// Every metric, in the order of reports.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in reports: lower case, words joined by `_`.
            ///
            /// ```
            /// use flagstone::stats::Metric;
            ///
            /// assert_eq!(Metric::PeakInUse.name(), "peak_in_use");
            /// ```
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// How it behaves over time.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$variant => Kind::$kind,)+
                }
            }
        }
    };
}

metrics! {
    /// Slots, objects or buffers there are, in use or not, at the time of the snapshot.
    Capacity "capacity" Gauge;
    /// Slots, objects or buffers handed out and not back yet.
    InUse "in_use" Gauge;
    /// The most that were handed out at once.
    PeakInUse "peak_in_use" Peak;
    /// Slots, objects, buffers or blocks handed out, those included whose value was never placed because
    /// user code panicked.
    Allocations "allocations" Counter;
    /// Slots, objects or buffers that came back.
    Frees "frees" Counter;
    /// Requests refused because everything was in use.
    Exhausted "refused_exhausted" Counter;
    /// Requests refused because the provider had no memory.
    OutOfMemory "refused_out_of_memory" Counter;
    /// Requests refused because nothing makes values.
    NoInitializer "refused_no_initializer" Counter;
    /// Requests refused because a limit of bytes was reached.
    LimitReached "refused_limit" Counter;
    /// Requests refused because a scope of the arena was open.
    Claimed "refused_claimed" Counter;
    /// Requests refused because something could not be formatted.
    Format "refused_format" Counter;
    /// Requests that waited for a pool that was closed.
    Closed "refused_closed" Counter;
    /// Requests that waited until their timer was ready.
    TimedOut "refused_timed_out" Counter;
    /// Times the structure grew because it was full.
    Growths "growths" Counter;
    /// Chunks that providers gave: slabs, runs, tables.
    ChunksAdded "chunks_added" Counter;
    /// Chunks that went back to providers.
    ChunksReturned "chunks_returned" Counter;
    /// Bytes of the chunks that the structure has.
    BytesReserved "bytes_reserved" Gauge;
    /// The most bytes it ever had at once.
    PeakBytesReserved "peak_bytes_reserved" Peak;
    /// Bytes that an arena has handed out and not taken back.
    BytesAllocated "bytes_allocated" Gauge;
    /// Objects made by a recycling pool.
    Created "created" Counter;
    /// Objects that were reset for their next user; resets of an arena.
    Resets "resets" Counter;
    /// Objects found invalid when they were to be handed out.
    Rejected "rejected" Counter;
    /// Objects given up: invalid ones, those whose hook panicked, idle ones of `clear` and
    /// `discard_idle`.
    Discarded "discarded" Counter;
}

/// How many metrics there are.
pub(super) const COUNT: usize = Metric::ALL.len();
