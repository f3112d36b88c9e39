//! `evidence.present`: the image was analysed at all.

use super::case::{Case, Judgement, Missing};
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::PolicyError;
use crate::policy::fields::Value;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "evidence.present",
    summary: "The image was analysed.",
    parameters: &[Parameter::required(
        "kinds",
        "list of inventory, vulnerabilities",
        "the evidence that must be there",
    )],
    notes: "Evidence that is not there, or covers the image only in part, makes the outcome `unknown`, so `on_missing` decides.",
    example: "{id: scanned, when: evidence.present, with: {kinds: [vulnerabilities]}, level: deny}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let kinds = fields.required("kinds")?.filled_list()?;
        let kinds: Result<Vec<_>, _> = kinds.iter().map(read_kind).collect();
        Ok(Box::new(EvidencePresent { kinds: kinds? }))
    },
};

/// Evidence that a rule can ask for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Inventory,
    Vulnerabilities,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Vulnerabilities => "vulnerabilities",
        }
    }
}

fn read_kind(value: &Value<'_>) -> Result<Kind, PolicyError> {
    value.choice(&[Kind::Inventory, Kind::Vulnerabilities].map(|kind| (kind.word(), kind)))
}

#[derive(Debug)]
struct EvidencePresent {
    kinds: Vec<Kind>,
}

impl Condition for EvidencePresent {
    fn required(&self) -> String {
        let words: Vec<_> = self.kinds.iter().map(|kind| kind.word()).collect();
        format!("known: {}", words.join(", "))
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        for kind in &self.kinds {
            match kind {
                Kind::Inventory => {
                    case.inventory()?;
                }
                // Matches are as whole as the inventory they were made from.
                Kind::Vulnerabilities => {
                    case.matches()?;
                    case.inventory()?;
                }
            }
        }
        // What was looked at in part is not known: it never counts as a pass.
        Ok(case.unless_unread(Judgement::pass_if(true, "known")))
    }
}
