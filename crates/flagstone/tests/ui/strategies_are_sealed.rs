//! Nobody else can say which slot is free.
use flagstone::pool::{FixedPool, Strategy};

struct Mine;
impl Strategy for Mine {}

fn main() {
    let _: Option<FixedPool<u8, Mine>> = None;
}
