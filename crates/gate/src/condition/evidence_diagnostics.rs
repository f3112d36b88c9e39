//! `evidence.diagnostics`: how much of the analysis may have ended early.

use evidence::{Coverage, Level};

use super::case::{Case, Judgement, Missing, Place};
use super::vuln_filter;
use super::{Condition, ConditionInfo, Parameter};

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "evidence.diagnostics",
    summary: "No more of the analysis ended early than tolerated.",
    parameters: &[Parameter::optional(
        "max",
        "whole number",
        Some("0"),
        "how many parts (a layer, a database) may be incomplete",
    )],
    notes: "Diagnostics of level error are counted, from the inventory and from the match.",
    example: "{id: complete-analysis, when: evidence.diagnostics, with: {max: 0}, level: deny}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        Ok(Box::new(EvidenceDiagnostics {
            max: vuln_filter::read_max(fields)?,
        }))
    },
};

#[derive(Debug)]
struct EvidenceDiagnostics {
    max: u32,
}

impl Condition for EvidenceDiagnostics {
    fn required(&self) -> String {
        vuln_filter::required(self.max)
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let inventory = case.inventory()?;
        let matches = case.matches()?;
        let errors: Vec<_> = inventory
            .diagnostics
            .iter()
            .chain(&matches.diagnostics)
            .filter(|diagnostic| diagnostic.level == Level::Error)
            .collect();
        // Coverage can be partial without a diagnostic that says why; something is missing all the same.
        let is_partial = inventory.coverage == Coverage::Partial;
        let parts = errors.len().max(usize::from(is_partial));
        let passes = parts <= self.max as usize;
        let observed = match errors.first() {
            Some(first) => format!("{parts} incomplete: {} ({})", first.message, first.code),
            None if is_partial => format!("{parts} incomplete"),
            None => "0 incomplete".to_owned(),
        };
        Ok(Judgement::pass_if(passes, observed.clone())
            .brief(observed)
            .at(Place::Inventory)
            .remedy("see the diagnostics of the image's report"))
    }
}
