//! The vault's rows in a SQLite file, in which what is destroyed is overwritten. Knows no key out of its wrapping.

#[cfg(test)]
mod tests;

use std::ops::Range;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use domain::{KeyId, Time};
use sqlx::{Error, Row, SqlitePool, sqlite::SqliteRow};

use super::{
    Destroyed,
    rows::{FreshKey, HeldKey, HeldNodeKey, KeptKey, KeyRows},
};
use crate::{durability::Durability, log::from_sql, sqlite};

pub(super) struct SqliteRows(pub(super) SqlitePool);

impl SqliteRows {
    /// Empties the write-ahead log, which else keeps older states of the pages for a while.
    async fn forget_past(&self) -> Result<(), Error> {
        sqlx::query("pragma wal_checkpoint(truncate)").execute(&self.0).await.map(drop)
    }
}

#[async_trait]
impl KeyRows for SqliteRows {
    async fn data_keys(&self, ids: &[KeyId]) -> Result<Vec<HeldKey>, Error> {
        const SQL: &str = "select id, wrapped from data_keys where id in (select value from json_each(?))";
        let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        let rows = sqlx::query(SQL).bind(serde_json::json!(ids).to_string()).fetch_all(&self.0).await?;
        rows.iter().map(held).collect()
    }

    async fn add_data_keys(&self, wishes: &[Vec<FreshKey>], now: Time) -> Result<Vec<HeldKey>, Error> {
        const SQL: &str = "with fresh as materialized (\
               select value ->> 0 as wish, value ->> 1 as id, value ->> 2 as wrapped from json_each(?1)) \
             insert into data_keys (id, wrapped, created_at) select id, unhex(wrapped), ?2 from fresh where wish not in \
               (select wish from fresh join data_keys on data_keys.id = fresh.id where data_keys.wrapped is null) \
             on conflict (id) do nothing returning id, wrapped";
        let fresh: Vec<_> = wishes
            .iter()
            .enumerate()
            .flat_map(|(wish, keys)| keys.iter().map(move |key| (wish, key)))
            .map(|(wish, key)| (wish, &key.id.0, HEXLOWER.encode(&key.wrapped)))
            .collect();
        let fresh = serde_json::json!(fresh).to_string();
        sqlx::query(SQL).bind(fresh).bind(now.0).fetch_all(&self.0).await?.iter().map(held).collect()
    }

    async fn destroy(&self, id: &KeyId, why: Destroyed, now: Time) -> Result<(), Error> {
        const SQL: &str = "insert into data_keys (id, created_at, destroyed_at, destroyed_because) values (?1, ?2, ?2, ?3) \
             on conflict (id) do update set wrapped = null, destroyed_at = ?2, destroyed_because = ?3 \
             where wrapped is not null";
        sqlx::query(SQL).bind(&id.0).bind(now.0).bind(why.as_str()).execute(&self.0).await?;
        self.forget_past().await
    }

    async fn aged(
        &self,
        prefix: &str,
        made: Range<Time>,
        last: &KeyId,
        limit: u32,
    ) -> Result<Vec<KeyId>, Error> {
        const SQL: &str = "select id from data_keys where id > ?1 and substr(id, 1, length(?2)) = ?2 \
             and wrapped is not null and created_at >= ?3 and created_at < ?4 order by id limit ?5";
        let query = sqlx::query_scalar(SQL).bind(&last.0).bind(prefix);
        let ids: Vec<String> =
            query.bind(made.start.0).bind(made.end.0).bind(limit).fetch_all(&self.0).await?;
        Ok(ids.into_iter().map(KeyId).collect())
    }

    async fn kept(&self, last: &KeyId, limit: u32) -> Result<Vec<KeptKey>, Error> {
        const SQL: &str = "select id, wrapped, created_at, destroyed_at, destroyed_because from data_keys \
             where id > ? order by id limit ?";
        sqlx::query(SQL).bind(&last.0).bind(limit).fetch_all(&self.0).await?.iter().map(kept).collect()
    }

    async fn count(&self) -> Result<u64, Error> {
        sqlx::query_scalar("select count(*) from data_keys").fetch_one(&self.0).await.map(from_sql)
    }

    async fn keep(&self, keys: &[KeptKey]) -> Result<(), Error> {
        const SQL: &str = "insert into data_keys (id, wrapped, created_at, destroyed_at, destroyed_because) \
             values (?, ?, ?, ?, ?) on conflict (id) do update set wrapped = null, \
             destroyed_at = excluded.destroyed_at, destroyed_because = excluded.destroyed_because \
             where excluded.wrapped is null and data_keys.wrapped is not null";
        let mut work = self.0.begin_with("begin immediate").await?;
        for key in keys {
            let destroyed = key.destroyed.as_ref();
            sqlx::query(SQL)
                .bind(&key.id.0)
                .bind(&key.wrapped)
                .bind(key.created_at.0)
                .bind(destroyed.map(|(at, _)| at.0))
                .bind(destroyed.map(|(_, why)| why))
                .execute(&mut *work)
                .await?;
        }
        work.commit().await?;
        self.forget_past().await
    }

    async fn node_keys(&self) -> Result<Vec<HeldNodeKey>, Error> {
        const SQL: &str = "select id, purpose, algorithm, wrapped, created_at, retired_at from node_keys \
             order by created_at, id";
        sqlx::query(SQL).fetch_all(&self.0).await?.iter().map(held_node_key).collect()
    }

    async fn add_node_key(&self, key: &HeldNodeKey) -> Result<(), Error> {
        const SQL: &str = "insert or ignore into node_keys (id, purpose, algorithm, wrapped, created_at, retired_at) \
             values (?, ?, ?, ?, ?, ?)";
        sqlx::query(SQL)
            .bind(&key.id)
            .bind(&key.purpose)
            .bind(&key.algorithm)
            .bind(&key.wrapped)
            .bind(key.created_at.0)
            .bind(key.retired_at.map(|at| at.0))
            .execute(&self.0)
            .await
            .map(drop)
    }

    async fn retire_node_key(&self, id: &str, at: Time) -> Result<(), Error> {
        const SQL: &str = "update node_keys set retired_at = ? where id = ? and retired_at is null";
        sqlx::query(SQL).bind(at.0).bind(id).execute(&self.0).await.map(drop)
    }

    async fn bind(&self, log_id: &str) -> Result<(), Error> {
        const SQL: &str = "insert or ignore into of_log (one, log_id) values (1, ?)";
        sqlx::query(SQL).bind(log_id).execute(&self.0).await.map(drop)
    }

    async fn log_id(&self) -> Result<Option<String>, Error> {
        sqlx::query_scalar("select log_id from of_log").fetch_optional(&self.0).await
    }

    async fn check(&self) -> Result<(), Error> {
        sqlx::query("select 1 from node_keys limit 1").fetch_optional(&self.0).await.map(drop)
    }

    async fn durability(&self) -> Result<Durability, Error> {
        sqlite::durability(&self.0).await.map(Durability::from)
    }

    async fn others(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

fn held(row: &SqliteRow) -> Result<HeldKey, Error> {
    Ok(HeldKey { id: KeyId(row.try_get("id")?), wrapped: row.try_get("wrapped")? })
}

fn kept(row: &SqliteRow) -> Result<KeptKey, Error> {
    let (at, why) = (row.try_get::<Option<i64>, _>("destroyed_at")?, row.try_get("destroyed_because")?);
    Ok(KeptKey {
        id: KeyId(row.try_get("id")?),
        wrapped: row.try_get("wrapped")?,
        created_at: Time(row.try_get("created_at")?),
        destroyed: at.map(Time).zip(why),
    })
}

fn held_node_key(row: &SqliteRow) -> Result<HeldNodeKey, Error> {
    Ok(HeldNodeKey {
        id: row.try_get("id")?,
        purpose: row.try_get("purpose")?,
        algorithm: row.try_get("algorithm")?,
        wrapped: row.try_get("wrapped")?,
        created_at: Time(row.try_get("created_at")?),
        retired_at: row.try_get::<Option<i64>, _>("retired_at")?.map(Time),
    })
}
