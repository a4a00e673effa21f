//! Which events of `$all` a client wants: by the beginning of stream or type, or by a pattern.

use regex::Regex;
use tonic::Status;

use crate::event::Recorded;
use crate::wire::event_store::client::streams::read_req::options::FilterOptions;
use crate::wire::event_store::client::streams::read_req::options::filter_options::{
    Expression, Filter, Window,
};

/// How many events are looked through before a checkpoint, where the client names no number.
const WINDOW: u32 = 32;

#[derive(Debug)]
pub(crate) struct EventFilter {
    by_stream: bool,
    pattern: Pattern,
    /// How many events are looked through between two checkpoints.
    pub(crate) interval: u64,
}

#[derive(Debug)]
enum Pattern {
    Prefixes(Vec<String>),
    Regex(Regex),
}

impl EventFilter {
    pub(crate) fn read(options: FilterOptions) -> Result<Self, Status> {
        let missing = || Status::invalid_argument("a filter without an expression");
        let (by_stream, expression) = match options.filter.ok_or_else(missing)? {
            Filter::StreamIdentifier(expression) => (true, expression),
            Filter::EventType(expression) => (false, expression),
        };
        let window = match options.window {
            Some(Window::Max(0)) => return Err(Status::invalid_argument("a window of no events")),
            Some(Window::Max(window)) => window,
            Some(Window::Count(())) | None => WINDOW,
        };
        let multiplier = options.checkpoint_interval_multiplier.max(1);
        Ok(Self {
            by_stream,
            pattern: pattern(expression)?,
            interval: u64::from(window) * u64::from(multiplier),
        })
    }

    pub(crate) fn lets(&self, record: &Recorded) -> bool {
        let text = if self.by_stream { &*record.stream } else { record.event.kind.as_str() };
        match &self.pattern {
            Pattern::Prefixes(prefixes) => prefixes.iter().any(|prefix| text.starts_with(prefix)),
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}

/// A pattern counts before prefixes.
fn pattern(expression: Expression) -> Result<Pattern, Status> {
    if expression.regex.is_empty() {
        return Ok(Pattern::Prefixes(expression.prefix));
    }
    let regex = Regex::new(&expression.regex).map_err(|fault| Status::invalid_argument(fault.to_string()))?;
    Ok(Pattern::Regex(regex))
}
