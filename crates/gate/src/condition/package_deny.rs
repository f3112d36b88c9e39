//! `package.deny`: packages that must not be there.

use evidence::{Package, PackageType};

use super::case::{Case, Judgement, Missing, Place};
use super::{Condition, ConditionInfo, Parameter};
use crate::glob::Glob;
use crate::policy::PolicyError;
use crate::policy::fields::Value;

/// How many packages a sentence names.
const NAMED: usize = 3;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "package.deny",
    summary: "None of the packages named is installed.",
    parameters: &[Parameter::required(
        "packages",
        "list of `pkg:type/name` or `pkg:type/name@version`",
        "packages in purl form; `*` in the name is any text; without a version all versions count",
    )],
    notes: "Names are compared as the inventory writes them; npm names carry their scope (`pkg:npm/@a/b`).",
    example: r#"{id: no-telnet, when: package.deny, with: {packages: ["pkg:deb/telnet*", "pkg:npm/event-stream@3.3.6"]}, level: deny}"#,
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let packages = fields.required("packages")?.filled_list()?;
        let denied: Result<Vec<_>, _> = packages.iter().map(read_denied).collect();
        Ok(Box::new(PackageDeny { denied: denied? }))
    },
};

#[derive(Debug)]
struct PackageDeny {
    denied: Vec<Denied>,
}

#[derive(Debug)]
struct Denied {
    text: String,
    kind: PackageType,
    name: Glob,
    version: Option<String>,
}

impl Denied {
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.strip_prefix("pkg:")?.split_once('/')?;
        let kind = PackageType::ALL.into_iter().find(|k| k.as_str() == kind)?;
        // The first `@` may be an npm scope.
        let (name, version) = match rest.rsplit_once('@') {
            Some((name, version)) if !name.is_empty() => (name, Some(version.to_owned())),
            _ => (rest, None),
        };
        if name.is_empty() || version.as_ref().is_some_and(String::is_empty) {
            return None;
        }
        Some(Self {
            text: text.to_owned(),
            kind,
            name: Glob::new(name),
            version,
        })
    }

    fn matches(&self, package: &Package) -> bool {
        self.kind == package.kind
            && self.version.as_ref().is_none_or(|v| *v == package.version)
            && self.name.matches(&package.name)
    }
}

fn read_denied(value: &Value<'_>) -> Result<Denied, PolicyError> {
    value.text().ok().and_then(Denied::parse).ok_or_else(|| {
        let kinds: Vec<_> = PackageType::ALL.map(PackageType::as_str).to_vec();
        value.unexpected(format!(
            "a package such as `pkg:deb/telnet` with one of the types {}",
            kinds.join(", ")
        ))
    })
}

impl Condition for PackageDeny {
    fn required(&self) -> String {
        let texts: Vec<_> = self
            .denied
            .iter()
            .map(|denied| denied.text.as_str())
            .collect();
        format!("none of {}", texts.join(", "))
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let inventory = case.inventory()?;
        let mut total = 0;
        let mut named = Vec::new();
        for package in &inventory.packages {
            if self.denied.iter().any(|denied| denied.matches(package)) {
                total += 1;
                if named.len() < NAMED {
                    named.push(format!("{} {}", package.name, package.version));
                }
            }
        }
        let judgement = match total - named.len() {
            _ if named.is_empty() => Judgement::pass_if(true, "none"),
            0 => Judgement::pass_if(false, named.join(", ")),
            more => Judgement::pass_if(false, format!("{} and {more} more", named.join(", "))),
        };
        let installed = format!("{} installed", judgement.observed);
        let judgement = judgement
            .at(Place::Inventory)
            .brief_if_failed(installed)
            .remedy("remove the package from the image");
        Ok(case.unless_unread(judgement))
    }
}
