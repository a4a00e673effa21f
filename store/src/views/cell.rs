//! What stands in the rows of the read models, whichever engine keeps them. Knows no table.

use std::vec;

/// What stands in one column of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Null,
    Number(i64),
    Text(String),
}

impl Cell {
    pub(super) fn as_number(&self) -> Result<Option<i64>, sqlx::Error> {
        match self {
            Self::Number(number) => Ok(Some(*number)),
            Self::Null => Ok(None),
            Self::Text(_) => Err(unlike("a number")),
        }
    }

    pub(super) fn as_text(&self) -> Result<Option<&str>, sqlx::Error> {
        match self {
            Self::Text(text) => Ok(Some(text)),
            Self::Null => Ok(None),
            Self::Number(_) => Err(unlike("a text")),
        }
    }
}

/// One row, as it came: its cells are taken one after the other, each as what it must be.
#[derive(Debug)]
pub struct Row(vec::IntoIter<Cell>);

impl Row {
    pub(super) fn new(cells: Vec<Cell>) -> Self {
        Self(cells.into_iter())
    }

    pub fn number(&mut self) -> Result<i64, sqlx::Error> {
        self.number_if_any()?.ok_or_else(|| unlike("a number"))
    }

    /// A number that is not negative and not large.
    pub fn small(&mut self) -> Result<u32, sqlx::Error> {
        u32::try_from(self.number()?).map_err(|_| unlike("a small number"))
    }

    pub fn text(&mut self) -> Result<String, sqlx::Error> {
        self.text_if_any()?.ok_or_else(|| unlike("a text"))
    }

    pub fn number_if_any(&mut self) -> Result<Option<i64>, sqlx::Error> {
        match self.0.next() {
            Some(Cell::Number(number)) => Ok(Some(number)),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Text(_)) | None => Err(unlike("a number")),
        }
    }

    pub fn text_if_any(&mut self) -> Result<Option<String>, sqlx::Error> {
        match self.0.next() {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Number(_)) | None => Err(unlike("a text")),
        }
    }
}

/// The cells that are left.
impl Iterator for Row {
    type Item = Cell;

    fn next(&mut self) -> Option<Cell> {
        self.0.next()
    }
}

/// For a cell that is missing or of another kind.
pub fn unlike(wanted: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a column of the read models does not hold {wanted}").into())
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Number(flag.into())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
