//! `deny.digest`: images blocked one by one.

use oci::Digest;

use super::case::{Case, Judgement, Missing};
use super::{Condition, ConditionInfo, Parameter};
use crate::Outcome;
use crate::policy::PolicyError;
use crate::policy::fields::Value;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "deny.digest",
    summary: "The image is not on the block list.",
    parameters: &[Parameter::required(
        "digests",
        "list of `{digest, reason}`",
        "the blocked digests, each with its reason",
    )],
    notes: "Judged on an index and on each image. Never covered by grace or a waiver: to let the image through, take its \
            digest off the list.",
    example: r#"{id: blocked, when: deny.digest, with: {digests: [{digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000", reason: built on a compromised runner}]}, level: deny}"#,
    judged_on_index: true,
    waivable: false,
    read: |fields| {
        let digests = fields.required("digests")?.filled_list()?;
        let denied: Result<Vec<_>, _> = digests.iter().map(read_denied).collect();
        Ok(Box::new(DenyDigest { denied: denied? }))
    },
};

#[derive(Debug)]
struct DenyDigest {
    denied: Vec<(Digest, String)>,
}

fn read_denied(value: &Value<'_>) -> Result<(Digest, String), PolicyError> {
    let fields = value.fields(&["digest", "reason"], &[])?;
    let digest = fields.required("digest")?.digest()?;
    let reason = fields.required("reason")?.text()?;
    Ok((digest, reason.to_owned()))
}

impl Condition for DenyDigest {
    fn required(&self) -> String {
        "not on the block list".to_owned()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let Some(digest) = case.subject.digest else {
            return Ok(Judgement::new(Outcome::NotApplicable, "no digest"));
        };
        Ok(
            match self.denied.iter().find(|(denied, _)| denied == digest) {
                Some((_, reason)) => Judgement::pass_if(false, format!("blocked: {reason}"))
                    .brief(format!("blocked: {reason}"))
                    .remedy("use another image"),
                None => Judgement::pass_if(true, "not listed"),
            },
        )
    }
}
