//! `tidegate admin fsck`: whether everything stored is whole.

use server::admin::{CheckOptions, CheckReport};

use super::Context;
use crate::config::Flags;
use crate::exit::{Exit, Failure};
use crate::output::{Output, columns, json_text, plain};

pub(super) const HELP: &str = "\
Ends with 0 when nothing is at fault, with 2 when something is, with 1 when it could not be checked. Servers may run
meanwhile; nothing is changed. Example: tidegate admin fsck --deep -o json";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Read and hash every object too
    #[arg(long)]
    deep: bool,

    /// How to write the report
    #[arg(short, long, value_name = "FMT", default_value = "table")]
    output: Format,

    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// One line for each finding
    Table,
    /// One document
    Json,
}

pub(super) async fn perform(
    args: &Args,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let config = context.config;
    let options = CheckOptions {
        is_deep: args.deep,
        sparse: config.registry.sparse,
        may_delete_referenced: config.registry.delete_referenced,
    };
    let report = context
        .admin
        .check(&config.storage, &config.data, options, context.now)
        .await
        .map_err(Failure::new)?;
    match args.output {
        Format::Json => {
            let document = serde_json::to_string_pretty(&report).map_err(Failure::new)?;
            output.data(&format!("{}\n", json_text(document)))?;
        }
        Format::Table => show(&report, output)?,
    }
    let faults = report.findings.iter().filter(|finding| finding.is_fault);
    output.note(&format!(
        "{} blobs, {} manifests and {} objects checked, {} bytes hashed: {} faults",
        report.blobs,
        report.manifests,
        report.objects,
        report.hashed_bytes,
        faults.count()
    ));
    Ok(if report.has_faults() {
        Exit::Failed
    } else {
        Exit::Pass
    })
}

fn show(report: &CheckReport, output: &mut Output) -> Result<(), Failure> {
    if report.findings.is_empty() {
        return Ok(());
    }
    let mut table = columns(&["KIND", "CHECK", "SUBJECT"], output.width());
    for finding in &report.findings {
        let kind = if finding.is_fault { "fault" } else { "note" };
        table.add_row([kind, finding.check, &plain(&finding.subject)]);
    }
    output.data(&format!("{}\n", table.trim_fmt()))
}
