//! The one place where detected misuse ends.
#![expect(unsafe_code, reason = "keeps the handler in an atomic pointer")]

use core::{fmt, mem, ptr};

use crate::sync::process::{AtomicPtr, Ordering};

/// What was detected, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corruption {
    /// An address that is no slot of the structure it was given to.
    ForeignPointer {
        /// The address.
        address: usize,
    },
    /// An address of a slot that is already free.
    DoubleFree {
        /// The address.
        address: usize,
    },
    /// A slot that was written to after it was freed: what it holds is no link.
    WrittenWhenFree {
        /// Its address, or that of its span.
        address: usize,
    },
    /// A chunk that a provider moved to a place that is too short or misaligned: what was in it is
    /// lost.
    WrongMove {
        /// The address it was moved to.
        address: usize,
        /// How many bytes the provider says there are.
        len: usize,
    },
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForeignPointer { address } => {
                write!(f, "{address:#x} was freed to a pool it is no slot of")
            }
            Self::DoubleFree { address } => {
                write!(f, "the slot at {address:#x} was freed twice")
            }
            Self::WrittenWhenFree { address } => {
                write!(
                    f,
                    "memory at {address:#x} was written to after it was freed"
                )
            }
            Self::WrongMove { address, len } => write!(
                f,
                "a chunk was moved to {len} bytes at {address:#x}, too short or misaligned"
            ),
        }
    }
}

/// Is called with what was detected. If it returns, the process aborts; it may panic instead, and
/// then the free lists are as they were before the bad call, though a value whose handle was being
/// dropped is gone.
pub type Handler = fn(&Corruption);

static HANDLER: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Replaces the handler for the whole process and returns the one before; `None` is the default.
///
/// A handler that panics must not be used while a `Heap` of this crate is the `#[global_allocator]`: a global
/// allocator must not unwind, and what detected the misuse is a call of it. Such a handler may end the process only.
/// The heap can be what it found broken, so it should not allocate either.
///
/// ```
/// use flagstone::corruption::{self, Corruption};
///
/// fn loud(found: &Corruption) {
///     panic!("{found}");
/// }
/// let before = corruption::set_handler(Some(loud));
/// assert!(before.is_none());
/// # corruption::set_handler(None);
/// ```
pub fn set_handler(handler: Option<Handler>) -> Option<Handler> {
    let new = handler.map_or(ptr::null_mut(), |handler| handler as *mut ());
    // AcqRel: pairs with itself and with the load in `report`, so that whatever the installing
    // thread prepared for its handler is visible to the thread that calls it.
    to_handler(HANDLER.swap(new, Ordering::AcqRel))
}

fn to_handler(pointer: *mut ()) -> Option<Handler> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the only values ever stored are null and function pointers of type `Handler`, and
    // this one is not null.
    Some(unsafe { mem::transmute::<*mut (), Handler>(pointer) })
}

/// Hands `found` to the handler; never returns to the caller. Nothing may be half-changed when
/// this is called: the handler may unwind.
#[cold]
#[inline(never)]
pub(crate) fn report(found: Corruption) -> ! {
    // Acquire: pairs with the swap in `set_handler`.
    if let Some(handler) = to_handler(HANDLER.load(Ordering::Acquire)) {
        handler(&found); // USER CODE
        stop();
    }
    #[cfg(feature = "std")]
    std::eprintln!("flagstone: memory corruption: {found}");
    #[cfg(not(feature = "std"))]
    panic!("memory corruption: {found}");
    #[cfg(feature = "std")]
    stop()
}

#[cfg(feature = "std")]
fn stop() -> ! {
    std::process::abort()
}

#[cfg(not(feature = "std"))]
fn stop() -> ! {
    panic!("memory corruption, and the handler returned")
}
