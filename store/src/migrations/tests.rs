//! The steps are those of the folder, as sqlx itself would read them.

use std::{collections::BTreeSet, fs, path::Path};

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");

fn all() -> [(&'static str, &'static Migrator); 6] {
    [
        ("log/sqlite", &LOG_ON_SQLITE),
        ("log/postgres", &LOG_ON_POSTGRES),
        ("vault/sqlite", &VAULT_ON_SQLITE),
        ("vault/postgres", &VAULT_ON_POSTGRES),
        ("views/sqlite", &VIEWS_ON_SQLITE),
        ("views/postgres", &VIEWS_ON_POSTGRES),
    ]
}

/// What a database notes of a step that it has taken.
fn noted(migrator: &Migrator) -> Vec<(i64, String, Vec<u8>)> {
    let steps = migrator.iter();
    steps.map(|step| (step.version, step.description.to_string(), step.checksum.to_vec())).collect()
}

#[tokio::test]
async fn every_step_is_built_in_as_sqlx_itself_reads_the_folder() {
    for (folder, built_in) in all() {
        let read = Migrator::new(Path::new(FOLDER).join(folder)).await.unwrap();
        assert_eq!(noted(built_in), noted(&read), "{folder}");
    }
}

#[test]
fn no_database_is_forgotten() {
    let folders =
        |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let engines = folders(Path::new(FOLDER)).into_iter().flat_map(|database| folders(&database));
    let named = |path: &Path| path.strip_prefix(FOLDER).unwrap().to_str().unwrap().to_owned();
    let found: BTreeSet<String> = engines.map(|path| named(&path)).collect();
    assert_eq!(found, all().map(|(folder, _)| folder.to_owned()).into());
}
