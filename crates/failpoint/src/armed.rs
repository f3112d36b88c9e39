//! What the places do in a process under test.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{Fault, Step, TRACE_VARIABLE, VARIABLE};

/// Ends the process if this is the armed place, for the time it is armed for.
pub(crate) fn reach(edge: &str, step: Step) {
    static REACHED: AtomicU64 = AtomicU64::new(0);

    trace(edge, step);
    if edge == "before"
        && let Some(words) = words_for("panic", step)
    {
        std::panic::panic_any(words);
    }
    let Some(wanted) = words_for(edge, step) else {
        return;
    };
    let wanted = wanted.parse().unwrap_or(1);
    if REACHED.fetch_add(1, Ordering::Relaxed) + 1 < wanted {
        return;
    }
    let killed =
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // Nothing after this place may happen, not even while the signal is on its way.
    while killed.is_ok() {
        std::thread::park();
    }
}

fn trace(edge: &str, step: Step) {
    static FILE: OnceLock<Option<Mutex<File>>> = OnceLock::new();

    let file = FILE.get_or_init(|| {
        let path = std::env::var_os(TRACE_VARIABLE)?;
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.ok().map(Mutex::new)
    });
    if let Some(file) = file {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // A test that reads the trace misses the line.
        let _ = writeln!(file, "{edge} {}", step.name());
    }
}

/// Returns the fault that is armed for this step.
pub(crate) fn armed_fault(step: Step) -> Option<Fault> {
    if words_for("short", step).is_some() {
        return Some(Fault::Short);
    }
    let number = words_for("fail", step)?;
    number.parse().ok().map(Fault::Errno)
}

/// Returns what follows the name of the step, or nothing, if the file names this action on this step.
fn words_for(action: &str, step: Step) -> Option<String> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();

    let file = FILE.get_or_init(|| std::env::var_os(VARIABLE).map(PathBuf::from));
    let armed = std::fs::read_to_string(file.as_ref()?).ok()?;
    let mut words = armed.split_whitespace();
    let is_armed = words.next() == Some(action) && words.next() == Some(step.name());
    is_armed.then(|| words.next().unwrap_or_default().to_owned())
}
