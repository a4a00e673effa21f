//! That a database goes on once what kept it from working is over.

use super::*;

async fn fill(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut work = pool.begin_with("begin immediate").await?;
    for number in 0..200 {
        sqlx::query("insert into kept_attempts (name, count, until) values (?, 1, zeroblob(100000))")
            .bind(number)
            .execute(&mut *work)
            .await?;
    }
    work.commit().await
}

async fn limit(pool: &SqlitePool, pages: i64) {
    let pragma = format!("pragma max_page_count = {pages}");
    sqlx::query(sqlx::AssertSqlSafe(pragma)).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_connection_whose_transaction_sqlite_gave_up_of_itself_serves_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let pool = open(&folder.path().join("views.db"), Role::Views, 1).await.unwrap();
    sqlx::query("drop table kept_attempts").execute(&pool).await.unwrap();
    sqlx::query("create table kept_attempts (name, count, until)").execute(&pool).await.unwrap();
    limit(&pool, 40).await;
    fill(&pool).await.unwrap_err();
    // What another connection would have found at once, had the broken one stayed.
    limit(&pool, 1_000_000).await;
    fill(&pool).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from kept_attempts").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 200);
}
