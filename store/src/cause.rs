//! Why something failed, when another layer is at fault: how its error is carried, and how the whole chain is told.
//! Knows no error in particular.

/// A cause of another layer, kept as `source`.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error and all that caused it, as one line for the log of the process.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}
