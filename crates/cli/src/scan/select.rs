//! What of a report was asked for.

use evidence::{Finding, ImageReport, Severity};

/// Which findings are shown and judged by thresholds. The grade and a policy always see all of them.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Only findings of these severities: critical, high, medium, low, negligible, unknown
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    severity: Vec<Severity>,

    /// Only findings with a published fix
    #[arg(long)]
    only_fixed: bool,
}

impl Selection {
    /// Leaves only what was asked for.
    pub(super) fn apply(&self, report: &mut ImageReport) {
        if let Some(matches) = &mut report.matches {
            matches.findings.retain(|finding| self.includes(finding));
        }
    }

    fn includes(&self, finding: &Finding) -> bool {
        let severity = self.severity.is_empty() || self.severity.contains(&finding.severity);
        severity && (!self.only_fixed || finding.is_fixable())
    }
}
