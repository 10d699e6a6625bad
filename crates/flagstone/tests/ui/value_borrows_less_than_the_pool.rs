//! A forgotten value is dropped with its pool: what it borrows must outlive the pool.
use flagstone::GrowingPool;

struct Loud<'t>(&'t str);

impl Drop for Loud<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn main() {
    let pool = GrowingPool::new(1);
    let text = String::from("gone");
    std::mem::forget(pool.alloc(Loud(&text)));
}
