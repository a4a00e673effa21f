//! Whether a client takes the one form in which the contract answers, JSON. Must not know what is answered, nor to whom.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::body::covers;
use super::header::Header;

/// What is beyond these is not read, as in the reference.
const MAX_HEADER: usize = 8192;
const MAX_TYPES: usize = 64;
const MAX_TYPE: usize = 256;

/// Why no answer would suit the client, whatever it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// The query asks for another format.
    #[error("there is no such format")]
    Format,
    /// The `Accept` header leaves JSON out (RFC 9110, section 12.5.1).
    #[error("the client takes no JSON")]
    Type,
}

impl Unsuitable {
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Format => StatusCode::NOT_FOUND,
            Self::Type => StatusCode::NOT_ACCEPTABLE,
        }
    }

    pub fn to_json(self) -> Json {
        let detail = match self {
            Self::Format => "Not found.",
            Self::Type => "Could not satisfy the request Accept header.",
        };
        json!({ "detail": detail })
    }
}

/// Looks at the `format` of the query and at the `Accept` header, of which several count as one list. Weights are not
/// looked at, as in the reference: there is nothing to choose from.
///
/// # Errors
/// [`Unsuitable`], to be answered as it is.
pub fn suits(query: Option<&str>, accept: Option<&str>) -> Result<(), Unsuitable> {
    let formats =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(name, _)| name == "format");
    if formats.last().is_some_and(|(_, format)| !format.is_empty() && format != "json") {
        return Err(Unsuitable::Format);
    }
    match accept {
        Some(accept) if !takes_json(accept) => Err(Unsuitable::Type),
        Some(_) | None => Ok(()),
    }
}

fn takes_json(accept: &str) -> bool {
    let read = match accept.char_indices().nth(MAX_HEADER) {
        Some((end, _)) => {
            accept.get(..end).and_then(|start| start.rsplit_once(',')).map_or("", |(start, _)| start)
        }
        None => accept,
    };
    read.split(',')
        .map(str::trim)
        .filter(|given| !given.is_empty() && given.chars().count() <= MAX_TYPE)
        .take(MAX_TYPES)
        .any(|given| covers(&Header::parse(given).value, "application", "json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_names_no_type_takes_json() {
        assert_eq!(suits(None, None), Ok(()));
    }

    #[test]
    fn json_is_found_anywhere_in_the_list_and_under_wildcards() {
        for accept in [
            "*/*",
            "application/*",
            "*/json",
            "APPLICATION/JSON",
            " application/json; indent=4",
            "application/json;q=0",
            "text/html, application/xml;q=0.9, */*;q=0.8",
        ] {
            assert_eq!(suits(None, Some(accept)), Ok(()), "{accept}");
        }
    }

    #[test]
    fn a_list_without_json_is_refused() {
        let many = "text/html,".repeat(MAX_TYPES) + "*/*";
        let late = "a/b,".to_owned() + &"x".repeat(MAX_HEADER) + ",*/*";
        let long = format!("application/json; x={}", "y".repeat(MAX_TYPE));
        for accept in ["", ",", "*", "application", "text/*", "application/vnd.api+json", &many, &late, &long]
        {
            assert_eq!(suits(None, Some(accept)), Err(Unsuitable::Type), "{accept}");
        }
    }

    #[test]
    fn the_last_format_of_the_query_counts_and_comes_before_the_header() {
        for query in ["", "x=1", "format=json", "format=", "format=xml&format=json", "Format=xml"] {
            assert_eq!(suits(Some(query), None), Ok(()), "{query}");
        }
        for query in ["format=xml", "format=json&format=api", "f%6frmat=JSON", "format=%ff"] {
            assert_eq!(suits(Some(query), Some("text/html")), Err(Unsuitable::Format), "{query}");
        }
    }
}
