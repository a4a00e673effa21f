//! The read models as their database holds them, changed behind the server's back.

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::Home;

/// Changes one row.
pub(crate) async fn alter_views(home: &Home, sql: &'static str) {
    let file = SqliteConnectOptions::new().filename(home.data().join("views.db"));
    let mut views = file.connect().await.unwrap();
    assert_eq!(sqlx::query(sql).execute(&mut views).await.unwrap().rows_affected(), 1, "{sql}");
}
