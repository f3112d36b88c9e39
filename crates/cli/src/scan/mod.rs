//! `tidegate scan`: what is inside an image, what is known about it, and whether that is good enough. No server.
//!
//! The way of the data: a source gives layers (crate `image`, [`registry`]), layers give an inventory ([`analyse`]), a
//! snapshot gives matches, a selection leaves what was asked for ([`select`]), and the report is written in one or more
//! formats ([`mod@format`], [`table`]). Thresholds and a policy then decide the exit code ([`judge`]).
//!
//! Findings alone never fail a scan; what could not be evaluated never counts as a pass.

mod analyse;
mod format;
mod judge;
mod progress;
mod registry;
mod select;
mod table;

use std::path::{Path, PathBuf};

use advisories::Snapshot;
use evidence::ImageReport;
use image::SourceSpec;
use jiff::Timestamp;

use self::analyse::Analysed;
use self::format::OutputFormat;
use self::judge::Threshold;
use self::progress::Progress;
use self::select::Selection;
use crate::command::advisories::snapshot_path;
use crate::command::policy;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Scan an image: packages, known vulnerabilities, health grade
///
/// SOURCE is a file, a folder or an image in a registry: docker-archive:FILE, oci-archive:FILE, oci:DIR, dir:DIR,
/// docker://NAME. Of several images in an archive or layout, a suffix chooses one: oci:DIR:NAME. Without a prefix an
/// existing path is recognised, and anything else is a registry name.
/// Nothing is unpacked, executed or written, and nothing is downloaded but the image itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidegate scan docker-archive:image.tar\n  \
                        tidegate scan docker://debian:12 --fail-on high\n  \
                        tidegate scan oci:layout -o sarif=report.sarif -o table")]
pub(crate) struct Args {
    /// The image
    source: String,

    /// Write this format, to standard output or to a file; may be repeated
    #[arg(long, short, value_name = "FMT[=FILE]", default_value = "table")]
    output: Vec<OutputFormat>,

    /// The advisory snapshot; without it, the one of the data folder
    #[arg(
        long,
        value_name = "SNAPSHOT",
        env = "TIDEGATE_ADVISORIES",
        hide_env_values = true
    )]
    advisories: Option<PathBuf>,

    #[command(flatten)]
    selection: Selection,

    /// Fail when a selected finding or the grade crosses this: a severity, `grade:C`, `kev`; may be repeated
    #[arg(long, value_name = "THRESHOLD", value_delimiter = ',')]
    fail_on: Vec<Threshold>,

    /// Judge the image by this policy file and print the verdict
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Exit with 0 where a failed policy or threshold would exit with 2
    #[arg(long)]
    exit_zero: bool,

    /// The platform to choose from an index, such as linux/arm64
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,

    /// Judge ages and grades as of this instant instead of now
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,

    #[command(flatten)]
    registry: registry::Options,
}

/// Scans one source.
pub(crate) fn run(args: &Args, now: Timestamp, output: &mut Output) -> Result<Exit, Failure> {
    let now = args.as_of.unwrap_or(now);
    format::check(&args.output)?;
    let policy = args.policy.as_deref().map(policy::read).transpose()?;
    let spec: SourceSpec = args.source.parse().map_err(refused_spec)?;

    let progress = Progress::start(output.may_draw_progress(), &args.source);
    let (analysed, snapshot) = std::thread::scope(|scope| {
        // Checking a snapshot reads it whole: it happens beside the layers.
        let opening = scope.spawn(|| open_snapshot(args.advisories.as_deref()));
        let analysed = match &spec {
            SourceSpec::Directory(root) => analyse::directory(root, &progress),
            SourceSpec::Registry(reference) => registry::scan(
                reference,
                args.platform.as_deref(),
                &args.registry,
                &progress,
            ),
            archive => analyse::archive(archive, &args.source, args.platform.as_deref(), &progress),
        };
        let snapshot = opening
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (analysed, snapshot)
    });
    progress.finish();
    let Analysed {
        subject,
        inventory,
        image_id,
    } = analysed?;
    let snapshot = snapshot?;

    let full = ImageReport {
        schema_version: 1,
        subject,
        matches: snapshot
            .as_ref()
            .map(|snapshot| snapshot.match_inventory(&inventory, now)),
        inventory,
    };
    let verdict = policy
        .as_ref()
        .map(|policy| judge::decide(policy, &full, snapshot.as_ref(), now));
    let mut report = full;
    args.selection.apply(&mut report);

    let written = format::Written {
        report: &report,
        image_id: image_id.as_ref(),
        verdict: verdict.as_ref(),
        now,
    };
    for format in &args.output {
        format.write(&written, output)?;
    }
    if report.matches.is_none() {
        output.warning("no advisories are at hand: packages are listed, nothing is matched");
        output
            .hint("`tidegate advisories import PATH…` builds a snapshot; --advisories names one.");
    }
    judge::conclude(
        &report,
        verdict.as_ref(),
        &args.fail_on,
        args.exit_zero,
        output,
    )
}

/// Opens the snapshot that was named, or the default one if it is there.
fn open_snapshot(named: Option<&Path>) -> Result<Option<Snapshot>, Failure> {
    let open = |path: &Path| {
        Snapshot::open(path).map(Some).map_err(|error| {
            Failure::new(error).with_hint("`tidegate advisories import PATH…` builds a snapshot.")
        })
    };
    if let Some(path) = named {
        return open(path);
    }
    match snapshot_path(None, None) {
        Ok(path) if path.try_exists().map_err(Failure::new)? => open(&path),
        // No snapshot, or no home folder to keep one in: the inventory is still worth listing.
        Ok(_) | Err(_) => Ok(None),
    }
}

fn refused_spec(error: image::SpecError) -> Failure {
    let hint = error.hint();
    let exit = match error {
        image::SpecError::Read { .. } => Exit::NotEvaluated,
        _ => Exit::Usage,
    };
    Failure::new(error).with_exit(exit).with_hint(hint)
}

/// The failure of a layer whose bytes are not those promised, or stopped coming.
fn damaged_layer(position: usize, error: std::io::Error) -> Failure {
    let is_other_content = error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<image::VerifyError>);
    let hint = if is_other_content {
        "The image is damaged or incomplete: copy or save it again."
    } else {
        "The source stopped in the middle: try again."
    };
    Failure::new(anyhow::Error::new(error).context(format!("cannot read layer {position}")))
        .with_hint(hint)
}
