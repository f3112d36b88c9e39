//! `tidegate admin fsck`: whether everything stored is whole.

use server::admin::{CheckOptions, Finding};

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::{Exit, Failure};
use crate::output::Output;

const FINDINGS: &[Column] = &[
    ("KIND", "/kind"),
    ("CHECK", "/check"),
    ("SUBJECT", "/subject"),
];

pub(super) const HELP: &str = "\
Ends with 0 when nothing is at fault, with 2 when something is, with 1 when it could not be checked. Servers may run
meanwhile; nothing is changed. Example: tidegate admin fsck --deep -o json";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Read and hash every object too
    #[arg(long)]
    deep: bool,

    #[command(flatten)]
    shape: Shape,

    #[command(flatten)]
    pub(super) flags: Flags,
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
    let items: Vec<_> = report.findings.iter().map(Line::from).collect();
    args.shape.report(&report, &items, FINDINGS, output)?;
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

/// A finding as a row.
#[derive(serde::Serialize)]
struct Line<'a> {
    kind: &'static str,
    check: &'a str,
    subject: &'a str,
}

impl<'a> From<&'a Finding> for Line<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            kind: if finding.is_fault { "fault" } else { "note" },
            check: finding.check,
            subject: &finding.subject,
        }
    }
}
