//! `tidegate admin`: every command of the console, run as the program, on both engines.
//!
//! A test is a walk: command lines and how each ends, in order. [`walk`] checks beside that what each changed is one
//! entry of the audit trail, and that the console is named there.

mod guide;
mod identities;
mod permissions;
mod repositories;
mod robots;
mod rules;
mod tags;
mod teams;
mod tokens;
mod upkeep;
mod upstreams;
mod users;
mod webhooks;

use crate::serve::{Engine, Site};
use crate::world::Run;

/// How a command has to end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Something was changed: it says so, and each change is an entry with this action.
    Does(&'static str, &'static [&'static str]),
    /// Nothing was changed: standard output shows this.
    Shows(&'static str),
    /// Nothing was changed, and there is nothing to show.
    Nothing,
    /// It is refused, and says this.
    Refuses(&'static str),
    /// The command line cannot be meant, and it says this.
    Misused(&'static str),
}

/// Runs an administrative command of a site.
fn admin(site: &Site, words: &[&str]) -> Run {
    fs_err::create_dir_all(site.data("")).expect("a data folder");
    let mut command = site
        .world
        .command(&[&["admin"][..], words, &["--data", "data"]].concat());
    for (name, value) in site.variables() {
        command.env(name, value);
    }
    command.output().expect("it starts").into()
}

/// Runs an administrative command and reads the JSON it prints.
#[track_caller]
fn document(site: &Site, words: &[&str]) -> serde_json::Value {
    let run = admin(site, &[words, &["--output", "json"]].concat()).ends_with(0);
    serde_json::from_str(&run.stdout).expect("JSON")
}

/// Makes a site with the person `dev` and the organisation `acme`, for walks that are about what these have.
#[track_caller]
fn peopled(engine: Engine) -> Site {
    let site = Site::on(engine);
    let people = [
        (
            "user create dev",
            End::Does("user dev created", &["account.create"]),
        ),
        (
            "org create acme",
            End::Does("organisation acme created", &["organization.create"]),
        ),
    ];
    walk(&site, &people);
    site
}

/// Walks through commands. A line is split at spaces; `_` in a word stands for one.
#[track_caller]
fn walk(site: &Site, steps: &[(&str, End)]) {
    let mut trail = actions(site);
    for (line, end) in steps {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| word.replace('_', " ").replace('~', "_"))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = admin(site, &words);
        let (exit, shown) = (run.exit, in_line(&run.stdout));
        let said = format!("{shown} {}", in_line(&run.stderr));
        let (wanted, text, changes) = match *end {
            End::Does(text, changes) => (0, text, changes),
            End::Shows(text) => (0, text, &[][..]),
            End::Nothing => (0, "", &[][..]),
            End::Refuses(text) => (1, text, &[][..]),
            End::Misused(text) => (64, text, &[][..]),
        };
        assert_eq!(exit, wanted, "`{line}` says:\n{said}");
        assert!(said.contains(text), "`{line}`: no `{text}` in:\n{said}");
        match end {
            End::Shows(text) => assert!(shown.contains(text), "`{line}` says:\n{said}"),
            End::Nothing | End::Refuses(_) | End::Misused(_) => {
                assert_eq!(run.stdout, "", "`{line}`");
            }
            End::Does(..) => {
                trail.extend(changes.iter().map(|&action| action.to_owned()));
                assert_eq!(actions(site), trail, "after `{line}`");
            }
        }
    }
    assert_eq!(actions(site), trail, "at the end");
}

/// Columns are padded: what is between words does not matter.
fn in_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the actions of the console so far.
fn actions(site: &Site) -> Vec<String> {
    let listed = document(site, &["audit", "list", "--actor", "console"]);
    let entries = listed.as_array().expect("a list").iter().rev();
    entries
        .map(|entry| entry["action"].as_str().expect("an action").to_owned())
        .collect()
}
