//! `{{name}}` in a recorded string stands for what an earlier step captured.

use std::collections::BTreeMap;

use serde_json::Value;

#[derive(Default)]
pub(super) struct Captured(BTreeMap<String, String>);

impl Captured {
    pub(super) fn keep(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Fails the test on a name that nothing captured.
    pub(super) fn text(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("{{") else {
            return text.to_owned();
        };
        let (name, after) = rest.split_once("}}").expect("a `{{` has its `}}`");
        let value = self.0.get(name).unwrap_or_else(|| panic!("nothing captured {name:?}"));
        format!("{before}{value}{}", self.text(after))
    }

    pub(super) fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.json(value))).collect()
            }
            other => other.clone(),
        }
    }

    pub(super) fn map(&self, map: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        map.iter().map(|(name, value)| (name.clone(), self.text(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_filled_wherever_they_stand() {
        let mut captured = Captured::default();
        captured.keep("mail.key", "abc");
        captured.keep("refresh", "xyz");
        assert_eq!(captured.text("Token {{mail.key}}x{{refresh}}"), "Token abcxxyz");
        let body = json!({"a": ["{{refresh}}", 1, null], "b": {"c": "{{mail.key}}"}});
        assert_eq!(captured.json(&body), json!({"a": ["xyz", 1, null], "b": {"c": "abc"}}));
    }

    #[test]
    #[should_panic(expected = "nothing captured \"uid\"")]
    fn a_name_that_nothing_captured_fails_the_step() {
        Captured::default().text("{{uid}}");
    }
}
