//! What the machine is, how busy it is, and what a process takes of it. Reads `/proc`, so that it knows Linux only.

use std::{fs, num::NonZeroUsize, thread, time::Duration};

use tokio::time::sleep;

use crate::failed::{Failed, Outcome};

/// The clock ticks in which `/proc` counts: 100 a second on every Linux that Stele runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// How many cores the bench may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// The threads that the server hashes with where nothing else is set.
pub(crate) fn hash_threads() -> usize {
    cores().saturating_sub(1).max(1)
}

/// Cores, processor and memory, in one line.
pub(crate) fn description() -> Outcome<String> {
    let model = found("/proc/cpuinfo", |text| {
        // Not every kind of processor has a name there.
        let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Some(name.map_or("an unknown processor", |(_, name)| name).to_owned())
    })?;
    let memory = kibibytes("/proc/meminfo", "MemTotal:")? / 1024 / 1024;
    Ok(format!("{} cores of {model}, {memory} GiB", cores()))
}

/// How many processes wanted to run, on average over the last minute, and how many cores are taken right now. The first
/// still tells of the build that has just ended.
pub(crate) async fn business() -> Outcome<(f64, f64)> {
    const LOOK: Duration = Duration::from_secs(1);
    let load = found("/proc/loadavg", |text| text.split(' ').next()?.parse().ok())?;
    let before = seconds_of_all()?;
    sleep(LOOK).await;
    Ok((load, (seconds_of_all()? - before) / LOOK.as_secs_f64()))
}

/// Seconds of processor time that all processes together have taken, and what a hypervisor kept for others.
pub(crate) fn seconds_of_all() -> Outcome<f64> {
    let (up, idle): (f64, f64) = found("/proc/uptime", |text| {
        let (up, idle) = text.trim().split_once(' ')?;
        Some((up.parse().ok()?, idle.parse().ok()?))
    })?;
    Ok(up * u32::try_from(cores()).map_or(1.0, f64::from) - idle)
}

/// Seconds of processor time that a process and its children have taken.
pub(crate) fn seconds_of_process(pid: u32) -> Outcome<f64> {
    family(pid)?.into_iter().map(|pid| seconds_in(&format!("/proc/{pid}/stat"))).sum()
}

/// Seconds of processor time that the calling thread has taken.
pub(crate) fn seconds_of_this_thread() -> Outcome<f64> {
    seconds_in("/proc/thread-self/stat")
}

/// MiB of memory that a process holds.
pub(crate) fn resident(pid: u32) -> Outcome<f64> {
    mebibytes(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// MiB of memory that a process held at most.
pub(crate) fn resident_at_most(pid: u32) -> Outcome<f64> {
    mebibytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// MiB of memory that a process and its children hold; what they share counts once.
pub(crate) fn resident_with_children(pid: u32) -> Outcome<f64> {
    family(pid)?.into_iter().map(|pid| mebibytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")).sum()
}

/// A process and its children.
fn family(pid: u32) -> Outcome<Vec<u32>> {
    found(&format!("/proc/{pid}/task/{pid}/children"), |text| {
        std::iter::once(Some(pid)).chain(text.split_whitespace().map(|pid| pid.parse().ok())).collect()
    })
}

fn mebibytes(path: &str, name: &str) -> Outcome<f64> {
    Ok(f64::from(kibibytes(path, name)?) / 1024.0)
}

fn kibibytes(path: &str, name: &str) -> Outcome<u32> {
    found(path, |text| {
        text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
    })
}

/// `utime` and `stime`, the 14th and 15th field; the second may hold spaces and ends with the last parenthesis.
fn seconds_in(path: &str) -> Outcome<f64> {
    let ticks: f64 = found(path, |text| {
        let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
        let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(user + system)
    })?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// What is looked for in a file.
fn found<T>(path: &str, look: impl FnOnce(&str) -> Option<T>) -> Outcome<T> {
    let text = fs::read_to_string(path).map_err(|source| Failed::Unread { path: path.to_owned(), source })?;
    look(&text).ok_or_else(|| Failed::NotIn(path.to_owned()))
}
