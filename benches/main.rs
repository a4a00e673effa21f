//! Measures how fast and how small Stele is, as `./bench` asks for it. Runs the real binary under load from outside; a
//! bound that is missed is told, and is no error.

mod api;
mod bare;
mod failed;
mod figures;
mod load;
mod log;
mod machine;
mod peer;
mod pool;
mod process;
mod rebuild;
mod report;
mod rounds;
mod seed;
mod sqlite;

use std::{
    env,
    fmt::Arguments,
    io::{self, Write},
    process::ExitCode,
};

use failed::Outcome;
use report::Table;
use store::chain;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

const NAMES: [&str; 5] = ["api", "log", "pool", "rebuild", "peer"];
/// How many cores may be taken by others before it is told.
const BUSY: f64 = 0.1;
const USAGE: &str = "Usage: ./bench [api [LINE] | log | pool | rebuild | peer] [--write]";

fn main() -> ExitCode {
    // `cargo bench` says `--bench` of itself.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let ran = Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(run(&arguments)));
    match ran {
        Ok(code) => code,
        Err(error) => {
            _ = writeln!(io::stderr(), "bench: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Ends early when it is told to, and drops what it has started: processes and folders end with it.
async fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        ran = bench(arguments) => ran,
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    }
}

async fn bench(arguments: &[String]) -> Outcome<ExitCode> {
    let (flags, words): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|argument| argument.starts_with('-'));
    let name = words.first().copied();
    if name == Some("serve-bare") {
        bare::serve().await?;
        return Ok(ExitCode::SUCCESS);
    }
    let known = name.is_none_or(|name| NAMES.contains(&name));
    let filter = words.get(1).copied().unwrap_or_default();
    // A table of which one line was measured would replace one of all lines.
    let half = !filter.is_empty() && !flags.is_empty();
    if !known || half || words.len() > 2 || flags.iter().any(|flag| *flag != "--write") {
        _ = writeln!(io::stderr(), "{USAGE}");
        return Ok(ExitCode::from(2));
    }
    let machine = machine::description()?;
    let (load, taken) = machine::business().await?;
    say(format_args!("On {machine}; load {load:.2}, {taken:.2} cores taken right now."));
    if taken > BUSY {
        say(format_args!("The machine is busy: the figures may be worse than they would be."));
    }
    let mut tables = Vec::new();
    for each in NAMES.into_iter().filter(|each| name.is_none_or(|name| name == *each)) {
        say(format_args!("{each}"));
        let table = measure(each, filter).await?;
        if table.lines.is_empty() && !filter.is_empty() {
            say(format_args!("No line has that name."));
        }
        report::show(&table);
        tables.push(table);
    }
    if !flags.is_empty() {
        report::write(&tables, &machine)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(name: &str, filter: &str) -> Outcome<Table> {
    match name {
        "log" => log::measure(filter).await,
        "pool" => pool::measure().await,
        "rebuild" => rebuild::measure().await,
        "peer" => peer::measure(filter).await,
        _ => api::measure(filter).await,
    }
}

/// One line for whoever started the bench. Without a terminal there is nobody to tell.
fn say(line: Arguments<'_>) {
    _ = writeln!(io::stdout(), "{line}");
}
