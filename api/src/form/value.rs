//! What the fields of a body hold before any rule has looked at them. Must not know syntax or endpoints.

/// Text that may have held halves of surrogate pairs, which a Rust string cannot carry.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The text, with U+FFFD in the place of each lone surrogate.
    pub text: String,
    /// The first lone surrogate of the text.
    pub surrogate: Option<u16>,
}

impl Text {
    pub(super) fn push_surrogate(&mut self, half: u16) {
        self.text.push(char::REPLACEMENT_CHARACTER);
        self.surrogate.get_or_insert(half);
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, surrogate: None }
    }
}

/// One value of a body. Numbers are kept in the form in which Python prints them, because a field of text takes them.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Bool,
    Int(String),
    Float(String),
    Text(Text),
    List,
    Dict,
    File,
}

impl Value {
    /// The name of the type in the sentence that refuses a body which is no dictionary.
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List => "list",
            Self::Dict => "dict",
            Self::File => "file",
        }
    }
}

/// The named values of one body. Holds passwords, and therefore has no `Debug`.
#[derive(Clone, Default)]
pub struct Fields {
    values: Vec<(String, Value)>,
    html: bool,
}

impl Fields {
    pub(super) const fn of_json(values: Vec<(String, Value)>) -> Self {
        Self { values, html: false }
    }

    pub(super) const fn of_form(values: Vec<(String, Value)>) -> Self {
        Self { values, html: true }
    }

    /// The value of a field; of several under one name, the last.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Whether the body was an HTML form, which cannot tell an empty field from an absent one.
    pub const fn is_html(&self) -> bool {
        self.html
    }
}
