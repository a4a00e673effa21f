//! Has this crate compiled again when a migration is new: the compiler does not see that they are part of it.

#[expect(clippy::print_stdout, reason = "this is how Cargo is told")]
fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
