//! `allow.digest`: only images named one by one.

use oci::Digest;

use super::case::{Case, Judgement, Missing};
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::fields::Value;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "allow.digest",
    summary: "The image is on the permit list.",
    parameters: &[Parameter::required(
        "digests",
        "list of digests",
        "the permitted digests; no other passes",
    )],
    notes: "Judged on an index and on each image, so list an index together with its images. What has no digest is not on \
            the list.",
    example: r#"{id: only-these, when: allow.digest, with: {digests: ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]}, level: deny}"#,
    judged_on_index: true,
    waivable: true,
    read: |fields| {
        let digests = fields.required("digests")?.filled_list()?;
        let permitted: Result<Vec<_>, _> = digests.iter().map(Value::digest).collect();
        Ok(Box::new(AllowDigest {
            permitted: permitted?,
        }))
    },
};

#[derive(Debug)]
struct AllowDigest {
    permitted: Vec<Digest>,
}

impl Condition for AllowDigest {
    fn required(&self) -> String {
        "on the permit list".to_owned()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let is_permitted = case
            .subject
            .digest
            .is_some_and(|digest| self.permitted.contains(digest));
        let observed = if is_permitted { "listed" } else { "not listed" };
        Ok(Judgement::pass_if(is_permitted, observed)
            .brief_if_failed("not on the permit list")
            .remedy("use a permitted image, or ask for this one to be listed"))
    }
}
