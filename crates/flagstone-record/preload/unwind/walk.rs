//! Follows the frames of a thread's stack.

use core::arch::asm;

use super::object::is_own;
#[cfg(target_arch = "x86_64")]
use super::rules::{Base, Rule, Saved, rule_at};

/// The least size of a page: memory is mapped in multiples of it.
const PAGE: usize = 4096;

/// The part of a stack that may be read.
#[derive(Clone, Copy)]
struct Readable {
    from: usize,
    to: usize,
}

impl Readable {
    /// The word at `address`, if it is in the stack.
    #[inline]
    fn word(self, address: usize) -> Option<usize> {
        let inside = address >= self.from
            && address <= self.to.wrapping_sub(size_of::<usize>())
            && address.is_multiple_of(size_of::<usize>());
        // SAFETY: `walk` made sure that this part of the thread's stack is mapped; it is above the
        // stack pointer, so it is in use and initialised as memory of the process.
        inside.then(|| unsafe {
            core::ptr::with_exposed_provenance::<usize>(address).read_volatile()
        })
    }
}

/// Fills `out` with the return addresses of the calls that are going on, the call into the recorder
/// first, and answers how many there are. `limits` answers what memory a place of the stack is in.
/// `out` must be on the stack itself: of a stack of which nothing is known, its page can be read.
#[inline(never)]
pub(crate) fn walk(out: &mut [u64], limits: impl FnOnce(usize) -> Option<(usize, usize)>) -> usize {
    let start = Registers::now();
    let known = limits(start.stack);
    let readable = Readable {
        from: start.stack,
        to: known.map_or_else(
            || out.as_ptr_range().end.addr().next_multiple_of(PAGE),
            |k| k.1,
        ),
    };
    follow(start, readable, out)
}

/// What is known of a frame.
#[derive(Clone, Copy)]
struct Registers {
    code: usize,
    stack: usize,
    frame: usize,
}

#[cfg(target_arch = "x86_64")]
impl Registers {
    #[inline(always)]
    fn now() -> Self {
        let (code, stack, frame): (usize, usize, usize);
        // SAFETY: three registers are read.
        unsafe {
            asm!(
                "lea {}, [rip]", "mov {}, rsp", "mov {}, rbp",
                out(reg) code, out(reg) stack, out(reg) frame,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { code, stack, frame }
    }

    /// The registers of the caller.
    #[inline]
    fn caller(self, readable: Readable) -> Option<Self> {
        // A return address may be behind its function's last instruction.
        let Rule {
            base,
            offset,
            saved,
        } = rule_at(self.code as u64 - 1)?;
        let above = match base {
            Base::Stack => self.stack.checked_add(offset)?,
            Base::Frame => self.frame.checked_add(offset)?,
            Base::SavedAt => readable.word(self.frame.wrapping_sub(offset))?,
        };
        let frame = match saved {
            Saved::Kept => self.frame,
            Saved::Below(distance) => readable.word(above.wrapping_sub(distance))?,
            Saved::AtFrame => readable.word(self.frame)?,
        };
        let code = readable.word(above.wrapping_sub(size_of::<usize>()))?;
        // Frames lie one above the other, so the walk comes to an end.
        (above > self.stack).then_some(Self {
            code,
            stack: above,
            frame,
        })
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Registers {
    #[inline(always)]
    fn now() -> Self {
        let (stack, frame): (usize, usize);
        // SAFETY: two registers are read.
        unsafe {
            #[cfg(target_arch = "aarch64")]
            asm!("mov {}, sp", "mov {}, x29", out(reg) stack, out(reg) frame,
                options(nomem, nostack, preserves_flags));
            #[cfg(target_arch = "riscv64")]
            asm!("mv {}, sp", "mv {}, s0", out(reg) stack, out(reg) frame,
                options(nomem, nostack, preserves_flags));
        }
        Self {
            code: walk as fn(&mut [u64], fn(usize) -> Option<(usize, usize)>) -> usize as usize,
            stack,
            frame,
        }
    }

    #[inline]
    fn caller(self, readable: Readable) -> Option<Self> {
        // AArch64: x29 points at the saved x29, with the return address above it. RISC-V: s0 points
        // above both, with the return address first below it.
        let (frame_at, code_at) = if cfg!(target_arch = "aarch64") {
            (self.frame, self.frame.checked_add(8)?)
        } else {
            (self.frame.checked_sub(16)?, self.frame.checked_sub(8)?)
        };
        let (frame, code) = (readable.word(frame_at)?, readable.word(code_at)?);
        // The upper bits of a signed return address are its signature.
        let code = if cfg!(target_arch = "aarch64") {
            code & ((1 << 48) - 1)
        } else {
            code
        };
        (frame > self.frame || frame == 0).then_some(Self {
            code,
            stack: self.frame,
            frame,
        })
    }
}

#[inline]
fn follow(mut at: Registers, readable: Readable, out: &mut [u64]) -> usize {
    let mut found = 0;
    // The recorder's own frames are few, and they come first.
    let mut own = 8;
    while let Some(caller) = at.caller(readable) {
        at = caller;
        if at.code == 0 {
            break;
        }
        if found == 0 && own > 0 && is_own(at.code as u64) {
            own -= 1;
            continue;
        }
        let Some(place) = out.get_mut(found) else {
            break;
        };
        *place = at.code as u64;
        found += 1;
        if found == out.len() {
            break;
        }
    }
    found
}
