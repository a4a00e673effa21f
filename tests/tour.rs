//! The tour of the README, taken word for word by a shell on a server with no settings at all.
//! Knows how a transcript looks, nothing of what is in it.

use std::process::Command;
use std::time::Duration;

use super::support::{Home, Server, wait_for};

const README: &str = include_str!("../README.md");

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
        let Some(name) = variable_set_by(&command) else {
            assert_shows(&output, &at_home(&run(&server, &variables, &command), &server));
            continue;
        };
        let command = format!("{command}\nprintf %s \"${name}\"");
        // A person is slower than a mail.
        let value = wait_for(&command, Duration::from_secs(30), async || {
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

/// Runs one command in the folder of the server, with the variables that were set before.
fn run(server: &Server, variables: &[String], command: &str) -> String {
    let command = command.replace("localhost:8000", server.address()).replace(
        "target/release/stele log tail",
        &format!("timeout 3 {} log tail", env!("CARGO_BIN_EXE_stele")),
    );
    let output = Command::new("bash")
        .args(["-c", &format!("{}{command}", variables.concat())])
        .current_dir(server.home().path())
        .output()
        .expect("bash and curl are installed");
    String::from_utf8(output.stdout).expect("text")
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

/// Every `…` of the README stands for any text.
#[track_caller]
fn assert_shows(told: &str, shown: &str) {
    let mut pieces = told.trim().split('…');
    let mut rest = shown.trim();
    let first = pieces.next().unwrap_or_default();
    rest =
        rest.strip_prefix(first).unwrap_or_else(|| panic!("the README says\n{told}\nbut it shows\n{shown}"));
    for piece in pieces {
        let found =
            rest.find(piece).unwrap_or_else(|| panic!("the README says\n{told}\nbut it shows\n{shown}"));
        rest = rest.get(found + piece.len()..).unwrap_or_default();
    }
    let open = told.trim().ends_with('…');
    assert!(open || rest.is_empty(), "the README says\n{told}\nbut it shows\n{shown}");
}
