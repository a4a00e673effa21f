//! The tour of the README, taken word for word by a shell on a server with no setting but a free port in the place of 8000.
//! Knows how a transcript looks, nothing of what is in it.

use std::process::Command;
use std::time::Duration;

use super::support::{Home, Lines, Process, Server, wait_for};

const README: &str = include_str!("../README.md");

/// The one command that goes on until it is ended, as whoever types it does.
const TAIL: &str = "target/release/stele log tail";

/// A person is slower than a mail.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that the README tells to type, and what it says comes out.
struct Step {
    command: String,
    output: String,
}

#[tokio::test]
async fn the_tour_of_the_readme_works_word_for_word() {
    let server = Server::at(Home::bare(&[])).await;
    assert_shows(&banner(), &at_home(&server.lines().join("\n"), &server));

    let steps = steps();
    assert!(steps.len() > 15, "the tour has only {} steps", steps.len());
    let mut variables = Vec::new();
    for Step { command, output } in steps {
        if command.starts_with(TAIL) {
            watch(&server, &command, &output).await;
            continue;
        }
        let Some(name) = variable_set_by(&command) else {
            assert_shows(&output, &at_home(&run(&server, &variables, &command), &server));
            continue;
        };
        let command = format!("{command}\nprintf %s \"${name}\"");
        let value = wait_for(&command, PATIENCE, async || {
            Some(run(&server, &variables, &command)).filter(|value| !value.is_empty())
        })
        .await;
        variables.push(format!("{name}='{value}'\n"));
    }
}

fn variable_set_by(command: &str) -> Option<&str> {
    let (name, _) = command.split_once('=')?;
    name.bytes().all(|byte| byte.is_ascii_uppercase()).then_some(name)
}

/// Runs one command to its end in the folder of the server, with the variables that were set before.
fn run(server: &Server, variables: &[String], command: &str) -> String {
    let output = shell(server, &format!("{}{command}", variables.concat())).output();
    String::from_utf8(output.expect("bash and curl are installed").stdout).expect("text")
}

/// Runs a command until it has shown what the README says, and ends it.
async fn watch(server: &Server, command: &str, output: &str) {
    let lines = Lines::default();
    let command = command.replace(TAIL, &format!("exec {} log tail", env!("CARGO_BIN_EXE_stele")));
    let mut watched = Process::spawn(shell(server, &command), &lines);
    wait_for(&format!("`{command}` shows\n{output}"), PATIENCE, async || {
        shows(output, &at_home(&lines.all().join("\n"), server)).then_some(())
    })
    .await;
    watched.stop();
}

fn shell(server: &Server, command: &str) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-c", &command.replace("localhost:8000", server.address())]);
    shell.current_dir(server.home().path());
    shell
}

fn banner() -> String {
    let (_, rest) = README.split_once("$ cargo run --release\nStele ").expect("the README shows the banner");
    let (banner, _) = rest.split_once("\n```").expect("the banner ends");
    format!("…Stele {banner}…")
}

/// The commands between the two marks, each with the lines that follow it.
fn steps() -> Vec<Step> {
    let (_, rest) = README.split_once("<!-- tour -->").expect("the tour begins");
    let (tour, _) = rest.split_once("<!-- end of tour -->").expect("the tour ends");
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

fn at_home(shown: &str, server: &Server) -> String {
    shown.replace(server.address(), "127.0.0.1:8000")
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
