//! The read models as their database holds them, looked at and changed behind the server's back.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use super::Home;

/// A connection to them.
pub(crate) async fn open_views(home: &Home) -> SqliteConnection {
    SqliteConnectOptions::new().filename(home.data().join("views.db")).connect().await.unwrap()
}

/// Changes one row.
pub(crate) async fn alter_views(home: &Home, sql: &'static str) {
    let mut views = open_views(home).await;
    assert_eq!(sqlx::query(sql).execute(&mut views).await.unwrap().rows_affected(), 1, "{sql}");
}
