//! The data keys of a vault one after the other, in the order of their ids, tombstones too.

use std::vec;

use domain::KeyId;
use sqlx::Error;

use super::{
    super::rows::{KeptKey, KeyRows},
    PAGE,
};

pub(super) struct Keys<'r> {
    rows: &'r dyn KeyRows,
    page: vec::IntoIter<KeptKey>,
    last: KeyId,
}

impl<'r> Keys<'r> {
    pub(super) fn of(rows: &'r dyn KeyRows) -> Self {
        Self { rows, page: Vec::new().into_iter(), last: KeyId(String::new()) }
    }

    pub(super) async fn next(&mut self) -> Result<Option<KeptKey>, Error> {
        if self.page.as_slice().is_empty() {
            self.page = self.rows.kept(&self.last, PAGE).await?.into_iter();
        }
        let next = self.page.next();
        if let Some(key) = &next {
            self.last = key.id.clone();
        }
        Ok(next)
    }

    /// The next key of this id. Those before it are left out, and so is the one after it if there is none.
    pub(super) async fn seek(&mut self, id: &KeyId) -> Result<Option<KeptKey>, Error> {
        while let Some(key) = self.next().await? {
            if key.id.0 >= id.0 {
                return Ok(Some(key).filter(|key| key.id == *id));
            }
        }
        Ok(None)
    }
}
