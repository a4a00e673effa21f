//! The vault's rows in a database on PostgreSQL, which overwrites nothing: what is destroyed is out of reach at once, and
//! leaves the disk when the table is vacuumed. Knows no key out of its wrapping.

#[cfg(test)]
mod tests;

use std::ops::Range;

use async_trait::async_trait;
use domain::{KeyId, Time};
use sqlx::{Error, Row, postgres::PgRow};

use super::{
    Destroyed,
    rows::{FreshKey, HeldKey, HeldNodeKey, KeptKey, KeyRows},
};
use crate::{
    durability::Durability,
    log::from_sql,
    migrations::VAULT_ON_POSTGRES,
    postgres::{Database, OpenError, Safety, Url},
};

/// How many connections a process holds: one that writes new keys, and those that read.
const CONNECTIONS: u32 = 4;

/// Every statement does no harm when it is done twice, as it is when the connection was lost before its answer came.
pub(super) struct PostgresRows(Database);

impl PostgresRows {
    pub(super) async fn open(url: &Url, safety: Safety) -> Result<Self, OpenError> {
        Database::open(url, &VAULT_ON_POSTGRES, CONNECTIONS, safety).await.map(Self)
    }

    /// As [`open`](Self::open), with one connection.
    pub(super) async fn open_alone(url: &Url, safety: Safety) -> Result<Self, OpenError> {
        Database::open(url, &VAULT_ON_POSTGRES, 1, safety).await.map(Self)
    }

    /// The rows of a vault that is there already; nothing is changed in it.
    pub(super) async fn inspect(url: &Url) -> Result<Self, OpenError> {
        Database::connect(url, 1).await.map(Self)
    }
}

#[async_trait]
impl KeyRows for PostgresRows {
    async fn data_keys(&self, ids: &[KeyId]) -> Result<Vec<HeldKey>, Error> {
        // Behind a select, so that it is planned once, for however many.
        const SQL: &str =
            "select id, wrapped from data_keys where id = any (array(select unnest($1::text[])))";
        let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        self.0.rows(|| self.0.query(SQL).bind(&ids)).await?.iter().map(held).collect()
    }

    /// In the order of their ids, so that of two who add the same keys neither waits for what the other one holds. A clock that
    /// was set back would make a key look old enough to be collected before it is used: the server's counts as well.
    async fn add_data_keys(&self, wishes: &[Vec<FreshKey>], now: Time) -> Result<Vec<HeldKey>, Error> {
        const SQL: &str = "with fresh as materialized (\
               select * from unnest($1::bigint[], $2::text[], $3::bytea[]) as fresh (wish, id, wrapped)) \
             insert into data_keys (id, wrapped, created_at) \
             select id, wrapped, greatest($4, (extract(epoch from clock_timestamp()) * 1000000)::bigint) from fresh \
               where wish not in (select wish from fresh join data_keys using (id) where data_keys.wrapped is null) \
               order by id collate \"C\" \
             on conflict (id) do nothing returning id, wrapped";
        let (mut numbers, mut ids, mut wrapped) = (Vec::new(), Vec::new(), Vec::new());
        for (number, key) in
            (0_i64..).zip(wishes).flat_map(|(number, wish)| wish.iter().map(move |key| (number, key)))
        {
            numbers.push(number);
            ids.push(key.id.0.as_str());
            wrapped.push(key.wrapped.as_slice());
        }
        let insert = || self.0.query(SQL).bind(&numbers).bind(&ids).bind(&wrapped).bind(now.0);
        self.0.rows(insert).await?.iter().map(held).collect()
    }

    async fn destroy(&self, id: &KeyId, why: Destroyed, now: Time) -> Result<(), Error> {
        const SQL: &str = "insert into data_keys as kept (id, created_at, destroyed_at, destroyed_because) \
             values ($1, $2, $2, $3) on conflict (id) do update set wrapped = null, destroyed_at = $2, \
             destroyed_because = $3 where kept.wrapped is not null";
        self.0.rows(|| self.0.query(SQL).bind(&id.0).bind(now.0).bind(why.as_str())).await.map(drop)
    }

    async fn aged(
        &self,
        prefix: &str,
        made: Range<Time>,
        last: &KeyId,
        limit: u32,
    ) -> Result<Vec<KeyId>, Error> {
        const SQL: &str = "select id from data_keys where id > $1 and starts_with(id, $2) and wrapped is not null \
             and created_at >= $3 and created_at < $4 order by id limit $5";
        let query = || self.0.query(SQL).bind(&last.0).bind(prefix).bind(made.start.0).bind(made.end.0);
        let rows = self.0.rows(|| query().bind(i64::from(limit))).await?;
        rows.iter().map(|row| row.try_get("id").map(KeyId)).collect()
    }

    async fn kept(&self, last: &KeyId, limit: u32) -> Result<Vec<KeptKey>, Error> {
        const SQL: &str = "select id, wrapped, created_at, destroyed_at, destroyed_because from data_keys \
             where id > $1 order by id limit $2";
        let rows = self.0.rows(|| self.0.query(SQL).bind(&last.0).bind(i64::from(limit))).await?;
        rows.iter().map(kept).collect()
    }

    async fn count(&self) -> Result<u64, Error> {
        self.0.one(|| self.0.query("select count(*) from data_keys")).await.map(from_sql)
    }

    async fn keep(&self, keys: &[KeptKey]) -> Result<(), Error> {
        const SQL: &str = "insert into data_keys as kept (id, wrapped, created_at, destroyed_at, destroyed_because) \
             select * from unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::text[]) \
             on conflict (id) do update set wrapped = null, destroyed_at = excluded.destroyed_at, \
             destroyed_because = excluded.destroyed_because where excluded.wrapped is null and kept.wrapped is not null";
        fn all<'k, T>(keys: &'k [KeptKey], of: impl Fn(&'k KeptKey) -> T) -> Vec<T> {
            keys.iter().map(of).collect()
        }
        let insert = || {
            let query = self.0.query(SQL).bind(all(keys, |key| key.id.0.as_str()));
            let query = query.bind(all(keys, |key| key.wrapped.as_deref()));
            let query = query.bind(all(keys, |key| key.created_at.0));
            let query = query.bind(all(keys, |key| key.destroyed.as_ref().map(|(at, _)| at.0)));
            query.bind(all(keys, |key| key.destroyed.as_ref().map(|(_, why)| why.as_str())))
        };
        self.0.rows(insert).await.map(drop)
    }

    async fn node_keys(&self) -> Result<Vec<HeldNodeKey>, Error> {
        const SQL: &str = "select id, purpose, algorithm, wrapped, created_at, retired_at from node_keys \
             order by created_at, id";
        self.0.rows(|| self.0.query(SQL)).await?.iter().map(held_node_key).collect()
    }

    async fn add_node_key(&self, key: &HeldNodeKey) -> Result<(), Error> {
        const SQL: &str = "insert into node_keys (id, purpose, algorithm, wrapped, created_at, retired_at) \
             values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing";
        let insert = || {
            let query = self.0.query(SQL).bind(&key.id).bind(&key.purpose).bind(&key.algorithm);
            query.bind(&key.wrapped).bind(key.created_at.0).bind(key.retired_at.map(|at| at.0))
        };
        self.0.rows(insert).await.map(drop)
    }

    async fn retire_node_key(&self, id: &str, at: Time) -> Result<(), Error> {
        const SQL: &str = "update node_keys set retired_at = $1 where id = $2 and retired_at is null";
        self.0.rows(|| self.0.query(SQL).bind(at.0).bind(id)).await.map(drop)
    }

    async fn bind(&self, log_id: &str) -> Result<(), Error> {
        const SQL: &str = "insert into of_log (one, log_id) values (1, $1) on conflict (one) do nothing";
        self.0.rows(|| self.0.query(SQL).bind(log_id)).await.map(drop)
    }

    async fn log_id(&self) -> Result<Option<String>, Error> {
        let rows = self.0.rows(|| self.0.query("select log_id from of_log")).await?;
        rows.first().map(|row| row.try_get("log_id")).transpose()
    }

    async fn check(&self) -> Result<(), Error> {
        self.0.rows(|| self.0.query("select 1 from node_keys limit 1")).await.map(drop)
    }

    async fn durability(&self) -> Result<Durability, Error> {
        self.0.durability().await.map(Durability::from)
    }

    async fn others(&self) -> Result<Vec<String>, Error> {
        self.0.others().await
    }

    async fn close(&self) {
        self.0.pool().close().await;
    }
}

fn held(row: &PgRow) -> Result<HeldKey, Error> {
    Ok(HeldKey { id: KeyId(row.try_get("id")?), wrapped: row.try_get("wrapped")? })
}

fn kept(row: &PgRow) -> Result<KeptKey, Error> {
    let (at, why) = (row.try_get::<Option<i64>, _>("destroyed_at")?, row.try_get("destroyed_because")?);
    Ok(KeptKey {
        id: KeyId(row.try_get("id")?),
        wrapped: row.try_get("wrapped")?,
        created_at: Time(row.try_get("created_at")?),
        destroyed: at.map(Time).zip(why),
    })
}

fn held_node_key(row: &PgRow) -> Result<HeldNodeKey, Error> {
    Ok(HeldNodeKey {
        id: row.try_get("id")?,
        purpose: row.try_get("purpose")?,
        algorithm: row.try_get("algorithm")?,
        wrapped: row.try_get("wrapped")?,
        created_at: Time(row.try_get("created_at")?),
        retired_at: row.try_get::<Option<i64>, _>("retired_at")?.map(Time),
    })
}
