//! `tidegate advisories`: feeds become a snapshot file, and a snapshot says what it holds.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use ::advisories::{Builder, FeedReport, ImportError, Limits, Snapshot, SnapshotInfo};
use jiff::Timestamp;

use crate::config::default_data_folder;
use crate::exit::{Exit, Failure};
use crate::output::{Output, plain};

/// The snapshot's name inside a data folder.
pub(crate) const SNAPSHOT_FILE: &str = "advisories.tgdb";

/// Import advisory feeds and show what is known
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Build a snapshot from feed files, archives or folders
    ///
    /// Feeds are read in the shapes their publishers use and recognised by their content: the Debian security tracker's
    /// JSON and its DSA and DLA lists, OSV records (JSON, zip), CISA's KEV catalogue, FIRST's EPSS scores. The snapshot
    /// replaces the older one whole, or not at all.
    #[command(
        after_help = "Example: tidegate advisories import debian/tracker.json pypi/all.zip kev.json"
    )]
    Import {
        /// Feed files, archives or folders of feeds
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,

        /// Write the snapshot to this file
        #[arg(long, value_name = "SNAPSHOT", conflicts_with = "data")]
        out: Option<PathBuf>,

        #[command(flatten)]
        place: DataFolder,
    },
    /// Show the feeds of a snapshot, their age and their size
    #[command(after_help = "Example: tidegate advisories status")]
    Status {
        /// The snapshot file
        #[arg(
            long,
            value_name = "SNAPSHOT",
            env = "TIDEGATE_ADVISORIES",
            hide_env_values = true,
            conflicts_with = "data"
        )]
        advisories: Option<PathBuf>,

        #[command(flatten)]
        place: DataFolder,
    },
}

#[derive(Debug, clap::Args)]
struct DataFolder {
    /// The data folder of a server, which holds its snapshot
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs one of the advisory commands.
pub(crate) fn run(args: &Args, now: Timestamp, output: &mut Output) -> Result<Exit, Failure> {
    match &args.command {
        Command::Import { paths, out, place } => {
            let target = snapshot_path(out.as_deref(), place.data.as_deref())?;
            import(paths, &target, now, output)
        }
        Command::Status { advisories, place } => {
            let path = snapshot_path(advisories.as_deref(), place.data.as_deref())?;
            status(&path, now, output)
        }
    }
}

/// Returns the snapshot file: the one named, that of the data folder named, or that of the default data folder.
pub(crate) fn snapshot_path(file: Option<&Path>, data: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(file) = file {
        return Ok(file.to_owned());
    }
    let folder = match data {
        Some(folder) => folder.to_owned(),
        None => default_data_folder().ok_or_else(|| {
            Failure::usage(anyhow::anyhow!(
                "there is no home folder to keep the snapshot in"
            ))
            .with_hint("Name a file or a data folder, or set XDG_DATA_HOME.")
        })?,
    };
    Ok(folder.join(SNAPSHOT_FILE))
}

fn import(
    paths: &[PathBuf],
    target: &Path,
    now: Timestamp,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if let Some(folder) = target.parent() {
        fs_err::create_dir_all(folder).map_err(Failure::new)?;
    }
    let mut builder = Builder::new(Limits::default());
    // First-seen dates live on from snapshot to snapshot; a first import has no parent.
    if target.try_exists().unwrap_or(false) {
        match Snapshot::open(target) {
            Ok(parent) => builder.continue_from(&parent),
            Err(error) => output.warning(&format!("the older snapshot is not continued: {error}")),
        }
    }
    for path in paths {
        for report in builder.add_path(path).map_err(refused)? {
            show_feed(&report, output)?;
        }
    }
    let info = builder.finish(target, now).map_err(refused)?;
    output.data(&format!(
        "{}: {} vulnerabilities, {} feeds, {}\n",
        plain(&target.display().to_string()),
        info.vulnerabilities,
        info.feeds.len(),
        info.id.short(),
    ))?;
    Ok(Exit::Pass)
}

fn refused(error: ImportError) -> Failure {
    let hint = match &error {
        ImportError::UnknownFeed { .. } | ImportError::NoFeed { .. } => Some(
            "Download the feed again from its publisher; the file is recognised by its content, not its name.",
        ),
        ImportError::BadFeed { .. } | ImportError::TooManyBadDocuments { .. } => {
            Some("Download the feed again; the older snapshot is unchanged.")
        }
        _ => None,
    };
    let failure = Failure::new(error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn show_feed(report: &FeedReport, output: &mut Output) -> Result<(), Failure> {
    let feed = &report.feed;
    output.data(&format!(
        "{}: {} records{}\n",
        plain(&feed.name),
        feed.records,
        counts(&[
            (feed.not_used, "not used"),
            (feed.withdrawn, "withdrawn"),
            (feed.skipped, "skipped"),
        ]),
    ))?;
    for skipped in &report.skipped {
        output.warning(&format!(
            "{}: skipped {}: {}",
            feed.name, skipped.name, skipped.reason
        ));
    }
    Ok(())
}

fn counts(counts: &[(u64, &str)]) -> String {
    let mut text = String::new();
    for (count, word) in counts.iter().filter(|(count, _)| *count > 0) {
        write!(text, ", {count} {word}").expect("writing to a string cannot fail");
    }
    text
}

fn status(path: &Path, now: Timestamp, output: &mut Output) -> Result<Exit, Failure> {
    let snapshot = Snapshot::open(path).map_err(|error| {
        Failure::new(error).with_hint("`tidegate advisories import PATH…` builds a snapshot.")
    })?;
    let text = describe(path, snapshot.info(), now, output.width());
    output.data(&text)?;
    Ok(Exit::Pass)
}

fn describe(path: &Path, info: &SnapshotInfo, now: Timestamp, width: u16) -> String {
    let mut table = crate::output::columns(&["FEED", "RECORDS", "AS OF", "AGE", "SKIPPED"], width);
    for feed in &info.feeds {
        let (as_of, age) = match feed.upstream_modified {
            Some(at) => (crate::output::minute(at), crate::output::age(at, now)),
            None => ("not stated".to_owned(), String::new()),
        };
        table.add_row([
            plain(&feed.name).into_owned(),
            feed.records.to_string(),
            as_of,
            age,
            feed.skipped.to_string(),
        ]);
    }
    format!(
        "{}\n{}  built {} ({})  {} vulnerabilities\n\n{}\n",
        plain(&path.display().to_string()),
        info.id,
        crate::output::minute(info.built_at),
        crate::output::age(info.built_at, now),
        info.vulnerabilities,
        table.trim_fmt(),
    )
}
