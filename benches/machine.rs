//! What the machine is, how busy it is, and what a process takes of it. Reads `/proc`, so that it knows Linux only.

use std::{fs, num::NonZeroUsize, thread, time::Duration};

use tokio::time::sleep;

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
pub(crate) fn description() -> String {
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let memory = field("/proc/meminfo", "MemTotal:").unwrap_or_default() / 1024 / 1024;
    format!("{} cores of {model}, {memory} GiB", cores())
}

/// How many processes wanted to run, on average over the last minute, and how many cores are taken right now. The first
/// still tells of the build that has just ended.
pub(crate) async fn business() -> (f64, f64) {
    const LOOK: Duration = Duration::from_secs(1);
    let load = read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok());
    let before = seconds_of_all();
    sleep(LOOK).await;
    (load.unwrap_or_default(), (seconds_of_all() - before) / LOOK.as_secs_f64())
}

/// Seconds of processor time that all processes together have taken, and what a hypervisor kept for others.
pub(crate) fn seconds_of_all() -> f64 {
    let text = read("/proc/uptime");
    let mut seconds = text.split_whitespace().filter_map(|text| text.parse::<f64>().ok());
    let (up, idle) = (seconds.next().unwrap_or_default(), seconds.next().unwrap_or_default());
    up * u32::try_from(cores()).map_or(1.0, f64::from) - idle
}

/// Seconds of processor time that a process and its children have taken.
pub(crate) fn seconds_of_process(pid: u32) -> f64 {
    family(pid).map(|pid| seconds_in(&format!("/proc/{pid}/stat"))).sum()
}

/// Seconds of processor time that the calling thread has taken.
pub(crate) fn seconds_of_this_thread() -> f64 {
    seconds_in("/proc/thread-self/stat")
}

/// MiB of memory that a process holds.
pub(crate) fn resident(pid: u32) -> f64 {
    mebibytes(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// MiB of memory that a process held at most.
pub(crate) fn resident_at_most(pid: u32) -> f64 {
    mebibytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// MiB of memory that a process and its children hold; what they share counts once.
pub(crate) fn resident_with_children(pid: u32) -> f64 {
    family(pid).map(|pid| mebibytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")).sum()
}

fn family(pid: u32) -> impl Iterator<Item = u32> {
    let children = read(&format!("/proc/{pid}/task/{pid}/children"));
    let children: Vec<u32> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    std::iter::once(pid).chain(children)
}

fn mebibytes(path: &str, name: &str) -> f64 {
    let kibibytes = field(path, name).unwrap_or_default();
    f64::from(u32::try_from(kibibytes).unwrap_or(u32::MAX)) / 1024.0
}

fn field(path: &str, name: &str) -> Option<u64> {
    let text = read(path);
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// `utime` and `stime`, the 14th and 15th field; the second may hold spaces and ends with the last parenthesis.
fn seconds_in(path: &str) -> f64 {
    let text = read(path);
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
