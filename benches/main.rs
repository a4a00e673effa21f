//! Measures how fast and how small Stele is, as `./bench` asks for it. Runs the real binary under load from outside; a
//! bound that is missed is told, and is no error.

mod api;
mod bare;
mod engine;
mod failed;
mod figures;
mod kurrent;
mod load;
mod log;
mod machine;
mod nats;
mod peer;
mod pool;
mod process;
mod raw;
mod rebuild;
mod relay;
mod report;
mod rounds;
mod seed;

use std::{
    env,
    fmt::Arguments,
    io::{self, Write},
    process::ExitCode,
};

use engine::Engine;
use failed::Outcome;
use report::Table;
use store::chain;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

/// What can be measured on which.
const ON_SQLITE: [&str; 5] = ["api", "log", "pool", "rebuild", "peer"];
const ON_POSTGRES: [&str; 3] = ["api", "log", RELAY];
const ON_KURRENT: [&str; 1] = ["log"];
/// Whose processes share a log, so that it is measured on PostgreSQL whatever else is asked for.
const RELAY: &str = "relay";
/// How many cores may be taken by others before it is told.
const BUSY: f64 = 0.1;
const USAGE: &str = "Usage: ./bench [api [LINE] | log | relay [LINE] | pool | rebuild | peer] [--on postgres|kurrent] [--write]";

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

/// On what it is measured.
#[derive(Clone, Copy)]
enum On {
    Engine(Engine),
    Kurrent,
}

impl On {
    fn named(name: &str) -> Option<Self> {
        if name == "kurrent" { Some(Self::Kurrent) } else { Engine::named(name).map(Self::Engine) }
    }
}

/// What is to be measured.
struct Order<'a> {
    names: Vec<&'static str>,
    /// Only lines whose name holds this.
    filter: &'a str,
    on: On,
    write: bool,
}

impl<'a> Order<'a> {
    /// None where the words make no sense.
    fn of(arguments: &'a [String]) -> Option<Self> {
        let (mut words, mut on, mut write) = (Vec::new(), On::Engine(Engine::Sqlite), false);
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            match word {
                "--on" => on = On::named(rest.next()?)?,
                "--write" => write = true,
                flag if flag.starts_with('-') => return None,
                word => words.push(word),
            }
        }
        let asked = words.first().copied();
        if asked == Some(RELAY) {
            on = On::Engine(Engine::Postgres);
        }
        let measured = match on {
            On::Engine(Engine::Sqlite) => &ON_SQLITE[..],
            On::Engine(Engine::Postgres) => &ON_POSTGRES,
            On::Kurrent => &ON_KURRENT,
        };
        let names = measured.iter().copied().filter(|name| asked.is_none_or(|asked| asked == *name));
        let order =
            Self { names: names.collect(), filter: words.get(1).copied().unwrap_or_default(), on, write };
        (!order.names.is_empty() && words.len() <= 2).then_some(order)
    }
}

async fn bench(arguments: &[String]) -> Outcome<ExitCode> {
    if arguments.first().is_some_and(|name| name == "serve-bare") {
        bare::serve().await?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(order) = Order::of(arguments) else {
        _ = writeln!(io::stderr(), "{USAGE}");
        return Ok(ExitCode::from(2));
    };
    if order.names.contains(&RELAY) {
        nats::program()?;
    }
    let machine = machine::description()?;
    let (load, taken) = machine::business().await?;
    say(format_args!("On {machine}; load {load:.2}, {taken:.2} cores taken right now."));
    if taken > BUSY {
        say(format_args!("The machine is busy: the figures may be worse than they would be."));
    }
    let mut tables = Vec::new();
    for name in &order.names {
        say(format_args!("{name}"));
        let table = measure(name, &order).await?;
        if table.lines.is_empty() && !order.filter.is_empty() {
            say(format_args!("No line has that name."));
        }
        report::show(&table);
        tables.push(table);
    }
    if order.write {
        report::write(&tables, &machine, !order.filter.is_empty())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(name: &str, &Order { filter, on, .. }: &Order<'_>) -> Outcome<Table> {
    let On::Engine(engine) = on else { return kurrent::measure(filter).await };
    match name {
        "log" => log::measure(filter, engine).await,
        RELAY => relay::measure(filter).await,
        "pool" => pool::measure().await,
        "rebuild" => rebuild::measure().await,
        "peer" => peer::measure(filter).await,
        _ => api::measure(filter, engine).await,
    }
}

/// One line for whoever started the bench. Without a terminal there is nobody to tell.
fn say(line: Arguments<'_>) {
    _ = writeln!(io::stdout(), "{line}");
}
