//! In whatever order they are used, blocks are apart, keep their bytes, and what is charged is their sizes.

use flagstone::blocks::{Block, BlockAllocator, BlockId, BlockView, ZeroPolicy};
use proptest::{collection::vec, prelude::*, sample};

use super::{Watched, bytes, knobs};

/// Bytes as they should be, and the memory that they are charged with: parts of a block share it.
struct Naive<T> {
    real: T,
    bytes: Vec<u8>,
    memory: usize,
}

#[derive(Clone, Debug)]
enum Op {
    Alloc(usize),
    Write(usize, usize, u8),
    Resize(usize, usize),
    Split(usize, usize),
    Freeze(usize),
    Slice(usize, usize),
    Thaw(usize),
    Detach(usize),
    Attach(usize),
    FreeId(usize),
    DropBlock(usize),
    DropView(usize),
    Trim,
}

fn op() -> impl Strategy<Value = Op> {
    let at = any::<usize>;
    let size = prop_oneof![4 => 0..300_usize, 2 => 0..5000_usize, 1 => 0..65_537_usize];
    prop_oneof![
        6 => size.clone().prop_map(Op::Alloc),
        4 => (at(), at(), any::<u8>()).prop_map(|(at, from, byte)| Op::Write(at, from, byte)),
        2 => (at(), at()).prop_map(|(at, len)| Op::Resize(at, len)),
        2 => (at(), at()).prop_map(|(at, split)| Op::Split(at, split)),
        2 => at().prop_map(Op::Freeze),
        2 => (at(), at()).prop_map(|(at, from)| Op::Slice(at, from)),
        2 => at().prop_map(Op::Thaw),
        1 => at().prop_map(Op::Detach),
        1 => at().prop_map(Op::Attach),
        1 => at().prop_map(Op::FreeId),
        3 => at().prop_map(Op::DropBlock),
        3 => at().prop_map(Op::DropView),
        1 => Just(Op::Trim),
    ]
}

struct Both<'b> {
    blocks: &'b BlockAllocator,
    held: Vec<Naive<Block>>,
    views: Vec<Naive<BlockView>>,
    left: Vec<Naive<BlockId>>,
    /// Ids of blocks that are gone.
    stale: Vec<BlockId>,
    /// By memory: what it is charged, and how many share it.
    charges: Vec<(usize, usize)>,
}

fn take<T>(from: &mut Vec<T>, at: usize) -> Option<T> {
    Some(from.swap_remove(at.checked_rem(from.len())?))
}

fn pick<T>(from: &mut [T], at: usize) -> Option<&mut T> {
    let at = at.checked_rem(from.len())?;
    Some(&mut from[at])
}

impl Both<'_> {
    fn end(&mut self, memory: usize) {
        self.charges[memory].1 -= 1;
    }

    fn charged(&self) -> usize {
        let live = self.charges.iter().filter(|(_, shares)| *shares > 0);
        live.map(|(charged, _)| charged).sum()
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Alloc(size) => {
                let capacity = self.blocks.budget().capacity();
                match self.blocks.try_alloc(bytes(size)) {
                    Ok(block) => {
                        let memory = self.charges.len();
                        self.charges.push((block.charged(), 1));
                        self.held.push(Naive {
                            real: block,
                            bytes: Vec::new(),
                            memory,
                        });
                    }
                    // Only if it really does not fit: what is cached is no reason.
                    Err(refused) => {
                        let needed = self.blocks.charged_for(bytes(size)).unwrap();
                        assert!(self.charged() + needed > capacity, "{refused}");
                    }
                }
            }
            Op::Write(at, from, byte) => {
                if let Some(Naive { real, bytes, .. }) = pick(&mut self.held, at)
                    && let Some(from) = from.checked_rem(real.capacity())
                {
                    let len = (real.capacity() - from).min(100);
                    real.write(from, &vec![byte; len]).unwrap();
                    bytes.resize(bytes.len().max(from + len), 0);
                    bytes[from..from + len].fill(byte);
                }
            }
            Op::Resize(at, len) => {
                if let Some(Naive { real, bytes, .. }) = pick(&mut self.held, at) {
                    let len = len % (real.capacity() + 1);
                    real.resize(len).unwrap();
                    bytes.resize(len, 0);
                }
            }
            Op::Split(at, split) => {
                if let Some(Naive {
                    real,
                    bytes,
                    memory,
                }) = pick(&mut self.held, at)
                {
                    let split = split % (real.capacity() + 1);
                    let rest = real.split_off(split);
                    let bytes = bytes.split_off(split.min(bytes.len()));
                    let memory = *memory;
                    self.charges[memory].1 += 1;
                    self.held.push(Naive {
                        real: rest,
                        bytes,
                        memory,
                    });
                }
            }
            Op::Freeze(at) => {
                if let Some(Naive {
                    real,
                    bytes,
                    memory,
                }) = take(&mut self.held, at)
                {
                    self.stale.extend(real.known_id());
                    self.views.push(Naive {
                        real: real.freeze(),
                        bytes,
                        memory,
                    });
                }
            }
            Op::Slice(at, from) => {
                if let Some(Naive {
                    real,
                    bytes,
                    memory,
                }) = pick(&mut self.views, at)
                {
                    let from = from % (bytes.len() + 1);
                    let slice = real.slice(from..);
                    let (bytes, memory) = (bytes[from..].to_vec(), *memory);
                    self.charges[memory].1 += 1;
                    self.views.push(Naive {
                        real: slice,
                        bytes,
                        memory,
                    });
                }
            }
            Op::Thaw(at) => {
                if let Some(Naive {
                    real,
                    bytes,
                    memory,
                }) = take(&mut self.views, at)
                {
                    match real.try_into_mut() {
                        Ok(real) => self.held.push(Naive {
                            real,
                            bytes,
                            memory,
                        }),
                        Err(real) => {
                            assert!(self.charges[memory].1 > 1, "the only one");
                            self.views.push(Naive {
                                real,
                                bytes,
                                memory,
                            });
                        }
                    }
                }
            }
            Op::Detach(at) => {
                if let Some(Naive {
                    real,
                    bytes,
                    memory,
                }) = take(&mut self.held, at)
                {
                    let real = self.blocks.detach(real).unwrap();
                    self.left.push(Naive {
                        real,
                        bytes,
                        memory,
                    });
                }
            }
            Op::Attach(at) => {
                if let Some(Naive {
                    real,
                    bytes,
                    memory,
                }) = take(&mut self.left, at)
                {
                    let real = self.blocks.attach(real).unwrap();
                    self.held.push(Naive {
                        real,
                        bytes,
                        memory,
                    });
                }
            }
            Op::FreeId(at) => {
                if let Some(Naive { real, memory, .. }) = take(&mut self.left, at) {
                    self.blocks.free(real).unwrap();
                    self.stale.push(real);
                    self.end(memory);
                }
            }
            Op::DropBlock(at) => {
                if let Some(Naive { real, memory, .. }) = take(&mut self.held, at) {
                    self.stale.extend(real.known_id());
                    drop(real);
                    self.end(memory);
                }
            }
            Op::DropView(at) => {
                if let Some(Naive { memory, .. }) = take(&mut self.views, at) {
                    self.end(memory);
                }
            }
            Op::Trim => {
                self.blocks.trim();
                assert_eq!(self.blocks.budget().charged(), self.charged());
            }
        }
    }

    fn compare(&self) {
        assert!(self.held.iter().all(|naive| *naive.real == *naive.bytes));
        assert!(self.views.iter().all(|naive| *naive.real == *naive.bytes));
        for Naive { real, bytes, .. } in &self.left {
            let mut read = vec![0; bytes.len()];
            self.blocks.read(*real, 0, &mut read).unwrap();
            assert_eq!(read, *bytes);
        }
        let stale = self.stale.iter().map(|&id| self.blocks.verify(id));
        assert!(
            stale
                .into_iter()
                .all(|answer| answer.unwrap_err().stale().is_some())
        );
        let snapshot = self.blocks.audit().unwrap();
        assert_eq!(snapshot.in_use, self.charged());
        assert_eq!(snapshot.charged, snapshot.in_use + snapshot.cached());
    }
}

#[test]
fn random_calls_agree() {
    let config = ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 96 },
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let policies = sample::select(vec![
        ZeroPolicy::Never,
        ZeroPolicy::OnFree,
        ZeroPolicy::OnAlloc,
        ZeroPolicy::WhenDirty,
    ]);
    let memory = sample::select(vec![64 << 10, 256 << 10, 4 << 20]);
    proptest!(config, |(policy in policies, memory in memory, ops in vec(op(), 1..150))| {
        let watched = Watched::new();
        let blocks = watched.build(knobs(memory).max_block_size(64 << 10).zero(policy));
        let mut both = Both {
            blocks: &blocks,
            held: Vec::new(),
            views: Vec::new(),
            left: Vec::new(),
            stale: Vec::new(),
            charges: Vec::new(),
        };
        for op in &ops {
            both.apply(op);
            both.compare();
        }
        drop(both);
        drop(blocks);
        assert_eq!(watched.counting().live(), 0);
    });
}
