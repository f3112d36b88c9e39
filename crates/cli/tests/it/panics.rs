//! A bug that panics: an incident for whoever asked, a line for the operator, and its text for nobody.

use serde_json::Value;

use crate::serve::{Server, Site};
use crate::wire::{Answer, open_upload, push_blob};

/// What the panics here say: a value that was at hand.
const SECRET: &str = "canary-panic-10Jj";

/// Returns the incident that an answer names.
#[track_caller]
fn incident(answer: &Answer) -> String {
    let (_, message) = answer.error();
    let (_, incident) = message.split_once("incident ").expect("an incident");
    incident.trim_end_matches(')').to_owned()
}

/// Returns the lines of a log about something.
fn lines(log: &str, about: &str) -> Vec<Value> {
    let documents = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let is_about = |line: &Value| line["fields"]["message"] == about;
    documents.filter(is_about).collect()
}

/// Checks that the latest panic was logged with its place and without its text. Returns its incident.
#[track_caller]
fn logged(server: &Server) -> String {
    server.wait_for("\"panicked\"");
    let log = server.log();
    let fields = &lines(&log, "panicked").pop().expect("a line")["fields"];
    let location = fields["location"].as_str().expect("a place");
    assert!(location.contains(".rs:"), "{fields}");
    assert_eq!(fields["text"], "not shown, it may hold anything");
    fields["incident"].as_str().expect("an id").to_owned()
}

#[test]
fn a_panic_is_an_incident_whose_text_nobody_sees() {
    let site = Site::new()
        .with_variable("TIDEGATE_LOG_LEVEL", "trace")
        .with_variable("TIDEGATE_LOG_FORMAT", "json");
    let armed = site.world.path("armed").display().to_string();
    let site = site.with_variable(failpoint::VARIABLE, &armed);
    let server = site.start();
    let panics_at = |step: &str| {
        let place = format!("panic {step} {SECRET}");
        site.world
            .write("armed", if step.is_empty() { "" } else { &place });
    };
    let mut told = String::new();

    // In the handler itself, in the middle of a transaction.
    panics_at("upload.row");
    let opened = server.request("POST", "/v2/team/app/blobs/uploads/").send();
    told += &opened.whole();
    let opened = opened.expect(500);
    assert_eq!(incident(&opened), logged(&server));

    // On a thread of its own, which the handler waits for.
    panics_at("");
    let place = open_upload(&server, "team/app");
    panics_at("staged.write");
    let written = server.request("PATCH", &place).body("bytes").send();
    told += &written.whole();
    let caller = incident(&written.expect(500));
    logged(&server);
    let log = server.log();
    let failed = lines(&log, "request failed");
    let failed = failed
        .iter()
        .find(|line| line["fields"]["incident"] == caller.as_str());
    let cause = failed.expect("a line")["fields"]["cause"].to_string();
    assert!(cause.contains("the thread that did it panicked"), "{cause}");

    // In a job.
    panics_at("collect");
    let run = server.request("POST", "/api/v1/gc/run").send();
    told += &run.expect(202).whole();
    server.wait_for("job failed");
    let log = server.log();
    let cause = lines(&log, "job failed").pop().expect("a line")["fields"]["cause"].to_string();
    assert!(
        cause.contains(&format!("incident {}", logged(&server))),
        "{cause}"
    );
    let jobs = server.get("/api/v1/jobs?state=ready").expect(200);
    assert!(
        jobs.text().contains("a panic, incident "),
        "{}",
        jobs.text()
    );
    told += &jobs.whole();

    panics_at("");
    push_blob(&server, "team/app", b"it goes on");
    told += &server.stop();
    assert!(!told.contains(SECRET), "{told}");
}
