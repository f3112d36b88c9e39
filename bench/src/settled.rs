//! Waiting until a registry has digested what it was given: its queued jobs are done, and none runs.
//!
//! A push leaves work behind (an analysis, figures to be folded). What is measured next should not pay for it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::http::Connection;
use crate::servers::Registry;

const PATIENCE: Duration = Duration::from_mins(20);

/// Waits for all of them. Returns how long that took.
pub(crate) fn settle(registries: &[&Registry]) -> anyhow::Result<Duration> {
    let started = Instant::now();
    for registry in registries {
        let mut person = registry.connect_as_person()?;
        while has_work(&mut person)? {
            if started.elapsed() > PATIENCE {
                bail!("{} does not come to rest", registry.name);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(started.elapsed())
}

fn has_work(person: &mut Connection) -> anyhow::Result<bool> {
    let running = jobs(person, "running")?;
    let ready = jobs(person, "ready")?;
    // What comes back by itself is always ready, for later. What a push asked for is due in a few seconds.
    let is_asked_for = |job: &Value| job["lane"] != "upkeep";
    Ok(!running.is_empty() || ready.iter().any(is_asked_for))
}

fn jobs(person: &mut Connection, state: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let path = format!("/api/v1/jobs?state={state}&after={after}");
        let answer = person.expect(200, "GET", &path, "", &[])?;
        let mut page: Value = serde_json::from_slice(person.last_body(&answer))?;
        let items = page["items"].as_array_mut().context("no jobs")?;
        all.append(items);
        match page["next"].as_i64() {
            Some(next) => after = next,
            None => return Ok(all),
        }
    }
}
