//! Elements of a forgotten buffer are dropped with the pool: what they borrow must outlive it.
use flagstone::BufferPool;

struct Loud<'t>(&'t str);

impl Drop for Loud<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn main() {
    let pool = BufferPool::new(1, 1);
    let text = String::from("gone");
    let mut buffer = pool.alloc().unwrap();
    let _ = buffer.push(Loud(&text));
    std::mem::forget(buffer);
}
