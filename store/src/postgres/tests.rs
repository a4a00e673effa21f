//! Opening databases: what a URL says and never shows, who may migrate, and servers that would forget.

use super::{proxy::Proxy, *};
use crate::{
    chain,
    migrations::LOG_ON_POSTGRES,
    test_server::{LOG, OWNER, Postgres},
};

async fn open(url: &str, safety: Safety) -> Result<Database, OpenError> {
    Database::open(&url.parse().unwrap(), &LOG_ON_POSTGRES, 2, safety).await
}

fn refusal(url: &str) -> UrlError {
    url.parse::<Url>().unwrap_err()
}

#[test]
fn a_url_is_shown_without_its_password() {
    let url: Url = "postgres://ada:pa%3Fss@db.example.com/log?sslmode=verify-full".parse().unwrap();
    for shown in [url.to_string(), format!("{url:?}")] {
        assert_eq!(shown, "postgres://ada@db.example.com:5432/log");
    }
    let socket: Url = "postgresql://ada:secret@%2Frun%2Fpostgresql/log".parse().unwrap();
    assert_eq!(socket.to_string(), "postgres://ada@/run/postgresql:5432/log");
}

#[test]
fn a_url_names_user_host_and_database_and_nothing_unknown() {
    for url in
        ["postgres:", "postgres://", "postgres://host/log", "postgres://ada@host", "postgres://ada@/log"]
    {
        assert_eq!(refusal(url), UrlError::Form, "{url}");
    }
    for url in ["postgres://:secret@localhost/log", "mysql://ada@localhost/log"] {
        assert_eq!(refusal(url), UrlError::Form, "{url}");
    }
    for parameter in ["sslmod=verify-full", "options=-cfsync%3Doff", "secret"] {
        assert_eq!(refusal(&format!("postgres://ada@localhost/log?{parameter}")), UrlError::Parameter);
    }
}

#[test]
fn to_another_machine_the_url_says_whether_tls_is_used() {
    for host in ["db.example.com", "10.0.0.7", "[2001:db8::7]"] {
        assert_eq!(refusal(&format!("postgres://ada@{host}/log")), UrlError::TlsUnsaid, "{host}");
        format!("postgres://ada@{host}/log?sslmode=disable").parse::<Url>().unwrap();
    }
    for host in ["localhost", "127.0.0.1:5433", "[::1]", "%2Frun%2Fpostgresql"] {
        format!("postgres://ada@{host}/log").parse::<Url>().unwrap();
    }
    // The driver would take `allow` for `disable`.
    for mode in ["allow", "verify", ""] {
        assert_eq!(refusal(&format!("postgres://ada@localhost/log?sslmode={mode}")), UrlError::TlsMode);
    }
}

#[test]
fn a_pooler_is_known_by_what_it_does_to_sessions() {
    let has_sessions = |url: &str| url.parse::<Url>().unwrap().has_sessions();
    assert!(has_sessions("postgres://ada@localhost/log"));
    assert!(!has_sessions("postgres://ada@localhost/log?pooler=transaction"));
    assert_eq!(refusal("postgres://ada@localhost/log?pooler=session"), UrlError::Pooler);
}

#[test]
fn the_same_database_is_known_under_any_user() {
    let url = |text: &str| text.parse::<Url>().unwrap();
    let one = url("postgres://ada@localhost/log");
    assert!(one.is_same_database(&url("postgres://grace:x@localhost:5432/log?sslmode=require")));
    assert!(!one.is_same_database(&url("postgres://ada@localhost/vault")));
    assert!(!one.is_same_database(&url("postgres://ada@localhost:5433/log")));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let error = open("postgres://ada:secret@%2Fnowhere/log", Safety::Required).await.err().unwrap();
    let told = chain(&error);
    assert!(told.starts_with("the database postgres://ada@/nowhere:5432/log can't be reached: "), "{told}");
    assert!(!told.contains("secret"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn processes_that_start_at_once_migrate_once() {
    let database = Postgres::shared().database();
    let url = database.url(OWNER);
    let opening: Vec<_> = (0..6)
        .map(|number| {
            let pooler = if number % 2 == 0 { "?pooler=transaction" } else { "" };
            let url = format!("{url}{pooler}");
            tokio::spawn(async move { open(&url, Safety::Required).await.map(drop) })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap();
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_role_that_may_not_migrate_goes_on_where_nothing_is_to_be_done() {
    let database = Postgres::shared().database();
    let error = open(&database.url(LOG), Safety::Required).await.err().unwrap();
    assert!(matches!(error, OpenError::MayNotMigrate { .. }), "{error:?}");
    open(&database.url(OWNER), Safety::Required).await.unwrap();
    database.grant("log");
    open(&database.url(LOG), Safety::Required).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn tables_of_a_newer_or_another_build_are_refused() {
    let database = Postgres::shared().database();
    let url = database.url(OWNER);
    open(&url, Safety::Required).await.unwrap();
    database.sql("update _sqlx_migrations set checksum = '\\x00' where version = 1");
    let error = open(&url, Safety::Required).await.err().unwrap();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    database.sql("update _sqlx_migrations set version = version + 1000");
    let error = open(&url, Safety::Required).await.err().unwrap();
    assert!(matches!(error, OpenError::Newer { .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_server_that_would_forget_is_refused_by_the_name_of_the_setting() {
    let server = Postgres::start();
    let database = server.database();
    let url = database.url(OWNER);
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        server.set(&format!("{setting} = off"));
        server.stop();
        server.begin();
        let told = chain(&open(&url, Safety::Required).await.err().unwrap());
        assert!(told.contains(&format!(": {setting} is off on the server")), "{told}");
        let opened = open(&url, Safety::Waived).await.unwrap();
        let durability = opened.durability().await.unwrap();
        assert!(durability.to_string().starts_with("not durable"), "{durability}");
        server.set(&format!("{setting} = on"));
        server.stop();
        server.begin();
    }
    let opened = open(&url, Safety::Required).await.unwrap();
    assert!(opened.durability().await.unwrap().is_full());
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_certificate_is_verified_as_the_url_says() {
    let server = Postgres::start();
    let database = server.database();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let certificate = server.offer_tls(port).display().to_string();
    server.stop();
    server.begin();
    let is_encrypted = async |host: &str, parameters: &str| {
        let url = format!("{}?{parameters}", database.url_by(&format!("{host}:{port}"), OWNER));
        let opened = Database::connect(&url.parse().unwrap(), 1).await.map_err(|error| chain(&error))?;
        let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        opened.one::<bool>(|| opened.query(sql)).await.map_err(|error| chain(&error))
    };
    let trusted = format!("sslrootcert={certificate}");
    assert_eq!(is_encrypted("localhost", &format!("sslmode=verify-full&{trusted}")).await, Ok(true));
    assert_eq!(is_encrypted("localhost", "sslmode=require").await, Ok(true));
    assert_eq!(is_encrypted("localhost", "sslmode=disable").await, Ok(false));
    let unknown = is_encrypted("localhost", "sslmode=verify-full").await.unwrap_err();
    assert!(unknown.contains("certificate"), "{unknown}");
    let other_name = is_encrypted("127.0.0.1", &format!("sslmode=verify-full&{trusted}")).await.unwrap_err();
    assert!(other_name.contains("certificate"), "{other_name}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn what_is_asked_is_answered_after_the_server_was_killed() {
    let server = Postgres::start();
    let database = server.database();
    for pooler in ["", "?pooler=transaction"] {
        let url = format!("{}{pooler}", database.url(OWNER));
        let opened = open(&url, Safety::Required).await.unwrap();
        for _ in 0..3 {
            server.kill();
            server.begin();
            let answer: i32 = opened.one(|| opened.query("select 7")).await.unwrap();
            assert_eq!(answer, 7);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn however_many_connections_are_lost_whoever_asks_meets_one_of_them_at_most() {
    const MANY: u32 = 12;
    let server = Postgres::start();
    let made = server.database();
    let database = Database::connect(&made.url(OWNER).parse().unwrap(), MANY).await.unwrap();
    let hold = || database.rows(|| database.query("select pg_sleep(0.2)"));
    futures_util::future::try_join_all((0..MANY).map(|_| hold())).await.unwrap();
    assert!(database.pool().num_idle() > AGAIN + 1, "{:?}", database.pool());
    server.kill();
    server.begin();
    let found: i32 = database.one(|| database.query("select 1")).await.unwrap();
    assert_eq!(found, 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn what_may_pass_is_told_from_what_stays_wrong() {
    let database = Postgres::shared().database();
    let opened = Database::connect(&database.url(OWNER).parse().unwrap(), 1).await.unwrap();
    let raised = async |code: &str| {
        let sql = format!("do $$ begin raise exception using errcode = '{code}'; end $$");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(opened.pool()).await.unwrap_err()
    };
    // Serialization failure, deadlock, lock and statement timeout, too many connections, full disk, shutdown, crash, start.
    for code in ["40001", "40P01", "55P03", "57014", "53300", "53100", "57P01", "57P02", "57P03"] {
        assert!(may_pass(&raised(code).await), "{code}");
    }
    // A known id, a missing right, a missing table, a text that can't be kept.
    for code in ["23505", "42501", "42P01", "22021"] {
        assert!(!may_pass(&raised(code).await), "{code}");
    }
    let held = opened.begin().await.unwrap();
    assert!(may_pass(&opened.pool().acquire().await.unwrap_err()), "all connections are taken");
    drop(held);
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_server_that_does_not_answer_is_given_up() {
    let opened = open(&Postgres::shared().database().url(OWNER), Safety::Required).await.unwrap();
    let mut sessions = [opened.pool().acquire().await.unwrap(), opened.pool().acquire().await.unwrap()];
    for session in &mut sessions {
        sqlx::raw_sql("set statement_timeout = 0").execute(&mut **session).await.unwrap();
    }
    drop(sessions);
    let asked = opened.rows(|| opened.query("select pg_sleep(600)"));
    let outcome = timeout(Duration::from_mins(1), asked).await.expect("nobody waits for it for a minute");
    assert!(matches!(outcome, Err(sqlx::Error::PoolTimedOut)), "{:?}", outcome.err());
    assert_eq!(opened.one::<i32>(|| opened.query("select 7")).await.unwrap(), 7);
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn how_a_session_behaves_is_not_for_its_role_to_say() {
    const UNFIT: [&str; 4] = [
        "default_transaction_isolation = serializable",
        "default_transaction_read_only = on",
        "statement_timeout = 7000",
        "lock_timeout = 0",
    ];
    let database = Postgres::shared().database();
    for setting in UNFIT {
        let alter = format!("alter role {OWNER} in database %I set {setting}");
        database.sql(&format!("do $$ begin execute format('{alter}', current_database()); end $$"));
    }
    let opened = open(&database.url(OWNER), Safety::Required).await.unwrap();
    let mut beside = opened.connection().await.unwrap();
    for (setting, expected) in [
        ("transaction_isolation", "read committed"),
        ("transaction_read_only", "off"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("enable_seqscan", "off"),
        ("jit", "off"),
    ] {
        let show = || opened.query("select current_setting($1)").bind(setting);
        assert_eq!(opened.one::<String>(show).await.unwrap(), expected, "{setting}");
        let row = show().fetch_one(&mut beside).await.unwrap();
        assert_eq!(sqlx::Row::get::<String, _>(&row, 0), expected, "{setting}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn a_role_that_is_given_little_time_has_enough_to_begin_its_session() {
    let (server, database) = (Postgres::shared(), Postgres::shared().database());
    let alter = format!("alter role {OWNER} in database %I set statement_timeout = 100");
    database.sql(&format!("do $$ begin execute format('{alter}', current_database()); end $$"));
    let proxy = Proxy::start(server.folder());
    let opened = open(&database.url_through(&proxy.folder(), OWNER), Safety::Required).await.unwrap();
    proxy.slow(1);
    let mut beside = opened.connection().await.unwrap();
    assert_eq!(proxy.left_to_slow(), 0);
    let row = sqlx::query("show statement_timeout").fetch_one(&mut beside).await.unwrap();
    assert_eq!(sqlx::Row::get::<String, _>(&row, 0), "10s");
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql); ./test runs it where it is"]
async fn what_the_server_undid_for_the_sake_of_others_is_done_again() {
    let database = Postgres::shared().database();
    let opened = open(&database.url(OWNER), Safety::Required).await.unwrap();
    for code in ["40001", "40P01"] {
        database.sql(&format!(
            "create sequence tries_{code}; create function try_{code}() returns bigint language plpgsql as $$ begin \
             if nextval('tries_{code}') < 3 then raise exception using errcode = '{code}'; end if; \
             return currval('tries_{code}'); end $$; grant usage on sequence tries_{code} to public"
        ));
        let sql: &'static str = if code == "40001" { "select try_40001()" } else { "select try_40p01()" };
        assert_eq!(opened.one::<i64>(|| opened.query(sql)).await.unwrap(), 3, "{code}");
    }
}
