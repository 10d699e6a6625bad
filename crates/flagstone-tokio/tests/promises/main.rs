//! What is promised, a file each.
//!
//! | file | promise |
//! |---|---|
//! | `executors` | blocks are waited for in the same way on tokio, with one thread or several, and on smol |
//! | `reading` | an idle connection holds no block, and no byte is lost, whatever is dropped when |
//! | `writing` | views are written in order, and each is released as soon as it is |

mod executors;
mod reading;
mod writing;

use std::alloc::Layout;

use flagstone::blocks::{BlockAllocator, BlockView};
use tokio::runtime::{Builder, Runtime};

/// A runtime of one thread.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_io().build().unwrap()
}

fn layout(len: usize) -> Layout {
    Layout::array::<u8>(len).unwrap()
}

/// `bytes` in a block of their own.
fn view(blocks: &BlockAllocator, bytes: &[u8]) -> BlockView {
    let mut block = blocks.try_alloc(layout(bytes.len())).unwrap();
    block.write(0, bytes).unwrap();
    block.freeze()
}
