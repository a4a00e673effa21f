//! Has this crate compiled again when a migration is new: the compiler does not see that they are part of it.

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
