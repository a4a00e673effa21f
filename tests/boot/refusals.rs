//! What a start refuses: with an exit code, one clear line for each thing that is wrong, and nothing done.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::{Account, Home, Ran, Server, is_panic};

const DATABASES: [&str; 3] = ["log.db", "views.db", "vault.db"];

/// 16 bytes.
const SHORT_KEY: &str = "c2hvcnQta2V5LTE2LWJ5dA==";
/// 32 bytes, none of them those of any server here.
const OTHER_KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

/// Starts and must be refused: in so many lines, one of which has all of `words`.
#[track_caller]
fn refused(ran: &Ran, most_lines: usize, words: &[&str]) {
    assert!(ran.code.is_some_and(|code| code != 0), "{ran:#?}");
    let lines: Vec<&str> = ran.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!((1..=most_lines).contains(&lines.len()), "{ran:#?}");
    let clear = lines.iter().filter(|line| words.iter().all(|word| line.contains(word)));
    assert_eq!(clear.count(), 1, "one line with {words:?}: {ran:#?}");
    assert!(!ran.stderr.lines().any(is_panic) && !ran.stdout.contains("listening"), "{ran:#?}");
}

fn serve(home: &Home, env: &[(&str, &str)]) -> Ran {
    home.run_with(env, &["serve"])
}

fn is_empty(home: &Home) -> bool {
    fs::read_dir(home.path()).unwrap().next().is_none()
}

#[test]
fn a_short_master_key_is_refused_and_not_shown() {
    let home = Home::bare(&[]);
    let ran = serve(&home, &[("STELE_VAULT__MASTER_KEY", SHORT_KEY)]);
    refused(&ran, 2, &["STELE_VAULT__MASTER_KEY", "32"]);
    assert!(!ran.stderr.contains(SHORT_KEY), "{ran:?}");
    assert!(is_empty(&home), "a refused start leaves nothing");
    fs::create_dir(home.data()).unwrap();
    fs::write(home.data().join("master.key"), SHORT_KEY).unwrap();
    let ran = serve(&home, &[]);
    refused(&ran, 1, &["master.key", "32"]);
    assert!(!ran.stderr.contains(SHORT_KEY), "{ran:?}");
    assert_eq!(fs::read_to_string(home.data().join("master.key")).unwrap(), SHORT_KEY);
}

#[test]
fn an_unknown_setting_is_refused_and_the_closest_one_is_named() {
    let home = Home::bare(&[]);
    refused(
        &serve(&home, &[("STELE_AUTH__TOKENZ", "jwt")]),
        2,
        &["STELE_AUTH__TOKENZ", "STELE_AUTH__TOKENS"],
    );
    assert!(is_empty(&home));
    fs::write(home.path().join("stele.toml"), "[jwt]\nacces_ttl = \"5m\"\n").unwrap();
    refused(&serve(&home, &[]), 2, &["stele.toml", "jwt.acces_ttl", "jwt.access_ttl"]);
    refused(&home.run(&["serve", "--config", "nowhere.toml"], ""), 2, &["nowhere.toml"]);
}

#[test]
fn everything_that_is_wrong_with_the_settings_is_said_at_once() {
    let wrong = [
        ("STELE_AUTH__TOKENS", "jot"),
        ("STELE_JWT__ACCESS_TTL", "soon"),
        ("STELE_API__CORS_ORIGINS", r#"["*"]"#),
        ("STELE_NOTHING", "x"),
        ("STELE_MAIL__VERIFY_URL", "https://front.test/verify"),
        ("STELE_SOCIAL__TWITER__CLIENT_ID", "x"),
    ];
    let home = Home::bare(&wrong);
    fs::write(home.path().join("stele.toml"), "[auth]\npk = \"random\"\n").unwrap();
    let ran = serve(&home, &[]);
    for (name, _) in wrong {
        refused(&ran, wrong.len() + 2, &[name]);
    }
    refused(&ran, wrong.len() + 2, &["auth.pk", "random"]);
    assert!(!home.data().exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let home = Home::bare(&[("STELE_DATA_DIR", "file/data")]);
    fs::write(home.path().join("file"), "").unwrap();
    refused(&serve(&home, &[]), 1, &["file/data"]);
    let home = Home::bare(&[]);
    fs::create_dir(home.data()).unwrap();
    fs::create_dir(home.data().join("log.db")).unwrap();
    refused(&serve(&home, &[]), 1, &["data/log.db"]);
    // Root may write anywhere, so that this part says nothing when the tests run as root.
    if !rustix::process::geteuid().is_root() {
        let home = Home::bare(&[]);
        fs::create_dir(home.data()).unwrap();
        fs::set_permissions(home.data(), fs::Permissions::from_mode(0o500)).unwrap();
        refused(&serve(&home, &[]), 1, &["data"]);
    }
}

#[tokio::test]
async fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::bare(&[("STELE_API__LISTEN", &address)]);
    refused(&serve(&home, &[]), 1, &[&address]);
    drop(taken);
    Server::at(home).await.api().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    for database in DATABASES {
        let mut server = Server::start(&[]).await;
        server.stop();
        let file = server.home().data().join(database);
        let mut newer = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
        sqlx::query(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (999999, 'from the future', true, x'00', 0)",
        )
        .execute(&mut newer)
        .await
        .unwrap();
        sqlx::Connection::close(newer).await.unwrap();
        for command in [&["serve"][..], &["migrate"], &["user", "list"]] {
            let ran = server.home().run(command, "");
            refused(&ran, 1, &[database, "newer version"]);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    for database in DATABASES {
        let home = Home::bare(&[]);
        fs::create_dir(home.data()).unwrap();
        let nonsense = "this is no database. ".repeat(100);
        fs::write(home.data().join(database), &nonsense).unwrap();
        refused(&serve(&home, &[]), 1, &[database]);
        assert_eq!(fs::read_to_string(home.data().join(database)).unwrap(), nonsense);
    }
}

#[tokio::test]
async fn a_master_key_that_opens_nothing_and_a_lost_one_are_refused() {
    let mut server = Server::start(&[]).await;
    let account = Account::named("kept");
    account.register(&server.api()).await;
    server.stop();
    let file = server.home().data().join("master.key");
    let key = fs::read(&file).unwrap();
    refused(&serve(server.home(), &[("STELE_VAULT__MASTER_KEY", OTHER_KEY)]), 1, &["master key"]);
    fs::remove_file(&file).unwrap();
    refused(&serve(server.home(), &[]), 1, &["master"]);
    assert!(!file.exists(), "a new key would hide that the old one is lost");
    fs::write(&file, key).unwrap();
    server.restart().await;
    account.login(&server.api()).await;
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let server = Server::start(&[]).await;
    let account = Account::named("first");
    account.register(&server.api()).await;
    refused(&serve(server.home(), &[]), 1, &["data"]);
    account.login(&server.api()).await;
    server.mails().await;
}

/// Two servers on one log would mail everything twice, and each would hear of the other's revocations late.
#[tokio::test]
async fn a_second_server_on_the_same_log_is_refused_though_its_read_models_are_its_own() {
    let server = Server::start(&[]).await;
    let elsewhere = ("STELE_STORE__VIEWS", "sqlite:elsewhere/views.db");
    refused(&serve(server.home(), &[elsewhere]), 1, &["log.db"]);
    assert!(!server.home().path().join("elsewhere").exists());
    Account::named("first").register(&server.api()).await;
}

#[tokio::test]
async fn roles_that_do_not_exist_or_do_not_suffice_are_refused() {
    let home = Home::bare(&[]);
    let ran = home.run(&["serve", "--roles", "api,worker"], "");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("worker"), "{ran:?}");
    refused(&home.run(&["serve", "--roles", "api"], ""), 1, &["mailer"]);
    assert!(is_empty(&home));
}

#[test]
fn a_log_with_a_parameter_that_is_none_and_a_bus_with_a_password_are_refused_without_showing_it() {
    let no_parameter = if cfg!(feature = "kurrent") { "parameter" } else { "without the feature kurrent" };
    for (name, url, why) in [
        ("STELE_STORE__LOG", "esdb://admin:hunter2@localhost:2113?maxAge=1", no_parameter),
        ("STELE_BUS__URL", "nats://stele:hunter2@localhost", "bus.credentials"),
    ] {
        let home = Home::bare(&[(name, url)]);
        let ran = serve(&home, &[]);
        refused(&ran, 2, &[name, why]);
        assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
        assert!(is_empty(&home));
    }
}
