//! Reads a module's description of its frames (DWARF call frame information in `.eh_frame`).
//!
//! Only what compilers write for x86-64 functions is understood; anything else ends the stack.

use super::object::{Object, object_at};
use super::rules::{Base, Rule, Saved};

/// DWARF's numbers of the frame pointer, the stack pointer and the return address.
const RBP: u64 = 6;
const RSP: u64 = 7;
const RETURN: u64 = 16;

/// The deepest nesting of remembered states.
const REMEMBERED: usize = 4;

/// The rule for the instruction at `address`.
#[cold]
pub(super) fn rule_at(address: u64) -> Option<Rule> {
    let object = object_at(address)?;
    let function = describing(&object, address)?;
    let cie = Cie::parse(function.cie)?;
    if cie.is_signal_frame {
        return None;
    }
    let mut fields = function.fields;
    let start = fields.pointer(cie.encoding, function.fields.at)?;
    let len = fields.pointer(cie.encoding & 0x0f, 0)?;
    if address.wrapping_sub(start) >= len {
        return None;
    }
    if cie.has_data {
        let len = fields.uleb()?;
        fields.skip(len)?;
    }
    let mut state = State::default();
    state.run(cie.program, &cie, start, u64::MAX, &State::default())?;
    let initial = state;
    state.run(fields, &cie, start, address, &initial)?;
    state.rule()
}

/// Bytes of a mapped module, read from front to back.
#[derive(Clone, Copy)]
struct Bytes {
    at: u64,
    end: u64,
}

impl Bytes {
    fn byte(&mut self) -> Option<u8> {
        let at = self.at;
        if at >= self.end {
            return None;
        }
        self.at += 1;
        // SAFETY: `describing` starts with a module's own range, and every part of it is inside.
        Some(unsafe { core::ptr::with_exposed_provenance::<u8>(at as usize).read() })
    }

    fn number(&mut self, len: u32) -> Option<u64> {
        let mut number = 0;
        for index in 0..len {
            number |= u64::from(self.byte()?) << (8 * index);
        }
        Some(number)
    }

    fn signed(&mut self, len: u32) -> Option<i64> {
        let unused = 64 - 8 * len;
        Some((self.number(len)? << unused) as i64 >> unused)
    }

    fn uleb(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0u64, 0);
        loop {
            let byte = self.byte()?;
            if shift < 64 {
                number |= u64::from(byte & 0x7f) << shift;
            }
            shift += 7;
            if byte < 0x80 {
                return Some(number);
            }
        }
    }

    fn sleb(&mut self) -> Option<i64> {
        let (mut number, mut shift) = (0i64, 0);
        loop {
            let byte = self.byte()?;
            if shift < 64 {
                number |= i64::from(byte & 0x7f) << shift;
            }
            shift += 7;
            if byte < 0x80 {
                if byte & 0x40 != 0 && shift < 64 {
                    number |= -1 << shift;
                }
                return Some(number);
            }
        }
    }

    fn skip(&mut self, len: u64) -> Option<()> {
        self.at = self.at.checked_add(len).filter(|&at| at <= self.end)?;
        Some(())
    }

    /// A pointer in the encoding of `.eh_frame`: absolute or relative to its own place.
    fn pointer(&mut self, encoding: u8, here: u64) -> Option<u64> {
        let value = match encoding & 0x0f {
            0x00 | 0x04 | 0x0c => self.number(8)?,
            0x02 => self.number(2)?,
            0x03 => self.number(4)?,
            0x0a => self.signed(2)? as u64,
            0x0b => self.signed(4)? as u64,
            _ => return None,
        };
        match encoding & 0x70 {
            0x00 => Some(value),
            0x10 => Some(here.wrapping_add(value)),
            _ => None,
        }
    }

    /// The next record: its length comes first.
    fn record(mut self) -> Option<Self> {
        let len = self.number(4)?;
        let end = self.at.checked_add(len)?;
        // A longer form exists, of sections beyond 4 GiB.
        (len != 0xffff_ffff && end <= self.end).then_some(Self { at: self.at, end })
    }
}

/// The description of one function.
struct Function {
    /// After the pointer to what it shares with others.
    fields: Bytes,
    cie: Bytes,
}

/// Finds the last function that starts at or before `address` in the module's sorted table.
fn describing(object: &Object, address: u64) -> Option<Function> {
    // Version 1, and the encodings that linkers choose: a relative pointer to the section, the
    // number of entries, and entries of two offsets from the table's head.
    const HEAD: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
    let head = object.frames;
    let module = |at: u64| {
        (object.start..object.end).contains(&at).then_some(Bytes {
            at,
            end: object.end,
        })
    };
    let mut bytes = module(head)?;
    for expected in HEAD {
        if bytes.byte()? != expected {
            return None;
        }
    }
    bytes.skip(4)?;
    let count = bytes.number(4)?;
    let entry = |index: u64| {
        let mut bytes = bytes;
        bytes.skip(index.checked_mul(8)?)?;
        let start = head.wrapping_add(bytes.signed(4)? as u64);
        Some((start, head.wrapping_add(bytes.signed(4)? as u64)))
    };
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if entry(middle)?.0 <= address {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let (_, at) = entry(low.checked_sub(1)?)?;
    let mut fields = module(at)?.record()?;
    let here = fields.at;
    let back = fields.number(4)?;
    let cie = module(here.checked_sub(back)?)?.record()?;
    (back != 0).then_some(Function { fields, cie })
}

/// What functions share.
struct Cie {
    code_factor: u64,
    data_factor: i64,
    encoding: u8,
    has_data: bool,
    is_signal_frame: bool,
    program: Bytes,
}

impl Cie {
    fn parse(mut bytes: Bytes) -> Option<Self> {
        let id = bytes.number(4)?;
        let version = bytes.byte()?;
        let mut augmentation = bytes;
        while bytes.byte()? != 0 {}
        let code_factor = bytes.uleb()?;
        let data_factor = bytes.sleb()?;
        let column = if version == 1 {
            u64::from(bytes.byte()?)
        } else {
            bytes.uleb()?
        };
        if id != 0 || !matches!(version, 1 | 3) || column != RETURN {
            return None;
        }
        let mut cie = Self {
            code_factor,
            data_factor,
            encoding: 0,
            has_data: false,
            is_signal_frame: false,
            program: bytes,
        };
        let mut data = bytes;
        loop {
            match augmentation.byte()? {
                0 => break,
                b'z' => {
                    let len = data.uleb()?;
                    cie.has_data = true;
                    cie.program = data;
                    cie.program.skip(len)?;
                }
                b'R' => cie.encoding = data.byte()?,
                b'L' => drop(data.byte()?),
                b'P' => {
                    let encoding = data.byte()?;
                    let here = data.at;
                    data.pointer(encoding, here)?;
                }
                b'S' => cie.is_signal_frame = true,
                _ => return None,
            }
        }
        Some(cie)
    }
}

/// The place above the frame.
#[derive(Clone, Copy, Default)]
enum Above {
    #[default]
    Unknown,
    Register(u64, i64),
    /// In memory, that far from the frame pointer.
    Saved(i64),
}

/// Where a caller's register is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Kept,
    /// So far from the place above the frame.
    At(i64),
    /// In memory where the frame pointer points.
    AtFrame,
    /// Nowhere: there is no caller.
    Gone,
    /// It is known, but not to us.
    Elsewhere,
}

/// A row of the table that the instructions build.
#[derive(Clone, Copy, Default)]
struct State {
    above: Above,
    frame: Place,
    back: Place,
}

impl State {
    /// Follows the instructions up to the row of `address`.
    fn run(
        &mut self,
        mut program: Bytes,
        cie: &Cie,
        mut location: u64,
        address: u64,
        initial: &Self,
    ) -> Option<()> {
        let (mut remembered, mut depth) = ([Self::default(); REMEMBERED], 0);
        while let Some(instruction) = program.byte() {
            let low = u64::from(instruction & 0x3f);
            let advance = match instruction {
                0x40..=0x7f => low,
                0x02 => program.number(1)?,
                0x03 => program.number(2)?,
                0x04 => program.number(4)?,
                0x0a => {
                    *remembered.get_mut(depth)? = *self;
                    depth += 1;
                    0
                }
                0x0b => {
                    depth = depth.checked_sub(1)?;
                    *self = remembered[depth];
                    0
                }
                _ => {
                    self.step(instruction, low, &mut program, cie, initial)?;
                    0
                }
            };
            location = location.checked_add(advance.checked_mul(cie.code_factor)?)?;
            if location > address {
                break;
            }
        }
        Some(())
    }

    /// One instruction that changes a rule.
    fn step(
        &mut self,
        instruction: u8,
        low: u64,
        program: &mut Bytes,
        cie: &Cie,
        initial: &Self,
    ) -> Option<()> {
        let factored = |value: i64| value.checked_mul(cie.data_factor);
        let unsigned = |program: &mut Bytes| i64::try_from(program.uleb()?).ok();
        match instruction {
            0x00 => {}
            0x80..=0xbf => {
                let place = Place::At(factored(unsigned(program)?)?);
                self.set(low, place);
            }
            0xc0..=0xff => self.restore(low, initial),
            0x05 => {
                let register = program.uleb()?;
                let place = Place::At(factored(unsigned(program)?)?);
                self.set(register, place);
            }
            0x11 => {
                let register = program.uleb()?;
                let place = Place::At(factored(program.sleb()?)?);
                self.set(register, place);
            }
            0x06 => self.restore(program.uleb()?, initial),
            0x07 => self.set(program.uleb()?, Place::Gone),
            0x08 => self.set(program.uleb()?, Place::Kept),
            0x09 | 0x14 => {
                let register = program.uleb()?;
                program.uleb()?;
                self.set(register, Place::Elsewhere);
            }
            0x15 => {
                let register = program.uleb()?;
                program.sleb()?;
                self.set(register, Place::Elsewhere);
            }
            0x0c => self.above = Above::Register(program.uleb()?, unsigned(program)?),
            0x12 => self.above = Above::Register(program.uleb()?, factored(program.sleb()?)?),
            0x0d => {
                let register = program.uleb()?;
                if let Above::Register(_, offset) = self.above {
                    self.above = Above::Register(register, offset);
                }
            }
            0x0e => self.offset(unsigned(program)?),
            0x13 => {
                let offset = factored(program.sleb()?)?;
                self.offset(offset);
            }
            0x0f => self.above = saved_above(expression(program)?),
            0x10 | 0x16 => {
                let register = program.uleb()?;
                let expression = expression(program)?;
                let place = match memory_at_frame(expression) {
                    Some(0) if instruction == 0x10 => Place::AtFrame,
                    _ => Place::Elsewhere,
                };
                self.set(register, place);
            }
            // The size of pushed arguments: nothing of ours.
            0x2e => drop(program.uleb()?),
            _ => return None,
        }
        Some(())
    }

    fn set(&mut self, register: u64, place: Place) {
        match register {
            RBP => self.frame = place,
            RETURN => self.back = place,
            _ => {}
        }
    }

    fn restore(&mut self, register: u64, initial: &Self) {
        match register {
            RBP => self.frame = initial.frame,
            RETURN => self.back = initial.back,
            _ => {}
        }
    }

    fn offset(&mut self, offset: i64) {
        if let Above::Register(register, _) = self.above {
            self.above = Above::Register(register, offset);
        }
    }

    /// The row as a rule. The return address must be where calls put it.
    fn rule(&self) -> Option<Rule> {
        if self.back != Place::At(-8) {
            return None;
        }
        let (base, offset) = match self.above {
            Above::Register(RSP, offset) => (Base::Stack, usize::try_from(offset).ok()?),
            Above::Register(RBP, offset) => (Base::Frame, usize::try_from(offset).ok()?),
            Above::Saved(offset) => (Base::SavedAt, usize::try_from(offset.checked_neg()?).ok()?),
            _ => return None,
        };
        let saved = match self.frame {
            Place::Kept => Saved::Kept,
            Place::At(offset) => Saved::Below(usize::try_from(offset.checked_neg()?).ok()?),
            Place::AtFrame => Saved::AtFrame,
            Place::Gone | Place::Elsewhere => return None,
        };
        Some(Rule {
            base,
            offset,
            saved,
        })
    }
}

/// The bytes of an expression.
fn expression(program: &mut Bytes) -> Option<Bytes> {
    let len = program.uleb()?;
    let start = program.at;
    program.skip(len)?;
    Some(Bytes {
        at: start,
        end: program.at,
    })
}

/// The offset of an expression that is "an offset from the frame pointer"; nothing may follow.
fn memory_at_frame(mut expression: Bytes) -> Option<i64> {
    const FRAME_PLUS: u8 = 0x70 + RBP as u8;
    let offset = (expression.byte()? == FRAME_PLUS).then(|| expression.sleb())??;
    expression.byte().is_none().then_some(offset)
}

/// An expression that is "the word in memory, an offset from the frame pointer".
fn saved_above(mut expression: Bytes) -> Above {
    const DEREFERENCE: u8 = 0x06;
    const FRAME_PLUS: u8 = 0x70 + RBP as u8;
    let parse = || {
        let offset = (expression.byte()? == FRAME_PLUS).then(|| expression.sleb())??;
        (expression.byte()? == DEREFERENCE && expression.byte().is_none()).then_some(offset)
    };
    let mut parse = parse;
    parse().map_or(Above::Unknown, Above::Saved)
}
