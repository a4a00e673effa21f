//! The faults of one request, by field, in the order in which its endpoint declares them. Must not know any rule.

use serde_json::{Map, Value};

/// The key of faults that belong to no single field.
pub const NON_FIELD: &str = "non_field_errors";

/// What is wrong with the input. Answered with status 400 and [`FieldErrors::to_json`] as the body.
///
/// Every endpoint has two stages, and their errors never mix. The *field stage* looks at each field on its own and reports
/// all faulty fields together, in the order in which the endpoint declares them. Only when it found nothing does the
/// *whole stage* run, which compares fields and reports a single fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("the input was refused")]
pub struct FieldErrors(Vec<(&'static str, Vec<String>)>);

impl FieldErrors {
    /// No faults yet; those that come are listed in this order, whenever they are found.
    pub fn in_order(fields: &[&'static str]) -> Self {
        Self(fields.iter().map(|name| (*name, Vec::new())).collect())
    }

    /// A single fault.
    pub fn one(field: &'static str, message: impl Into<String>) -> Self {
        Self(vec![(field, vec![message.into()])])
    }

    pub fn add(&mut self, field: &'static str, messages: impl IntoIterator<Item = String>) {
        match self.0.iter_mut().find(|(name, _)| *name == field) {
            Some((_, list)) => list.extend(messages),
            None => self.0.push((field, messages.into_iter().collect())),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, messages)| messages.is_empty())
    }

    /// `input`, unless something is wrong with it.
    pub fn unless_any<T>(self, input: T) -> Result<T, Self> {
        if self.is_empty() { Ok(input) } else { Err(self) }
    }

    /// `{"field": ["sentence", …], …}` without the fields that have no fault.
    pub fn to_json(&self) -> Value {
        let faulty = self.0.iter().filter(|(_, messages)| !messages.is_empty());
        Value::Object(
            faulty
                .map(|(name, messages)| ((*name).to_owned(), Value::from(messages.clone())))
                .collect::<Map<_, _>>(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_listed_in_the_declared_order_however_late_they_are_found() {
        let mut errors = FieldErrors::in_order(&["username", "email"]);
        errors.add("email", ["bad".to_owned()]);
        errors.add("username", ["taken".to_owned()]);

        assert_eq!(errors.to_json().to_string(), r#"{"username":["taken"],"email":["bad"]}"#);
    }

    #[test]
    fn a_field_without_a_fault_is_not_listed() {
        let errors = FieldErrors::in_order(&["username"]);

        assert_eq!(errors.to_json().to_string(), "{}");
        assert_eq!(errors.unless_any(1), Ok(1));
    }
}
