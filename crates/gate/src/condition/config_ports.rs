//! `config.ports`: ports that must not be exposed.

use super::case::{Case, Judgement, Missing, Place};
use super::{Condition, ConditionInfo, Parameter};
use crate::Outcome;
use crate::policy::PolicyError;
use crate::policy::fields::Value;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "config.ports",
    summary: "None of the ports named is exposed.",
    parameters: &[Parameter::required(
        "deny",
        "list of `22`, `\"5900-5999\"`, `\"53/udp\"`",
        "ports or ranges; without a protocol all protocols count",
    )],
    notes: "An exposed port that cannot be read counts as denied.",
    example: r#"{id: no-ssh, when: config.ports, with: {deny: [22, "5900-5999/tcp"]}, level: warn}"#,
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let deny = fields.required("deny")?.filled_list()?;
        let deny: Result<Vec<_>, _> = deny.iter().map(read_range).collect();
        Ok(Box::new(ConfigPorts { deny: deny? }))
    },
};

#[derive(Debug)]
struct ConfigPorts {
    deny: Vec<PortRange>,
}

/// Ports `first` to `last`, of one protocol or all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PortRange {
    first: u16,
    last: u16,
    protocol: Option<String>,
}

impl PortRange {
    fn parse(text: &str) -> Option<Self> {
        let (ports, protocol) = match text.split_once('/') {
            Some((ports, protocol)) => (ports, Some(protocol.to_ascii_lowercase())),
            None => (text, None),
        };
        if let Some(protocol) = &protocol
            && !matches!(protocol.as_str(), "tcp" | "udp" | "sctp")
        {
            return None;
        }
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let number = |digits: &str| {
            let is_plain = digits.bytes().all(|b| b.is_ascii_digit());
            is_plain.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(Self {
            first,
            last,
            protocol,
        })
    }

    fn overlaps(&self, exposed: &Self) -> bool {
        // A configuration that names no protocol means tcp.
        let exposed_protocol = exposed.protocol.as_deref().unwrap_or("tcp");
        let same_protocol = self
            .protocol
            .as_deref()
            .is_none_or(|protocol| protocol == exposed_protocol);
        same_protocol && self.first <= exposed.last && exposed.first <= self.last
    }

    fn label(&self) -> String {
        let ports = if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}-{}", self.first, self.last)
        };
        match &self.protocol {
            Some(protocol) => format!("{ports}/{protocol}"),
            None => ports,
        }
    }
}

fn read_range(value: &Value<'_>) -> Result<PortRange, PolicyError> {
    if let Ok(port) = value.count(u32::from(u16::MAX)) {
        return Ok(PortRange {
            first: port as u16,
            last: port as u16,
            protocol: None,
        });
    }
    value
        .text()
        .ok()
        .and_then(PortRange::parse)
        .ok_or_else(|| value.unexpected("a port such as 22, \"53/udp\" or \"5900-5999\""))
}

impl Condition for ConfigPorts {
    fn required(&self) -> String {
        let labels: Vec<_> = self.deny.iter().map(PortRange::label).collect();
        format!("none of {}", labels.join(", "))
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let facts = &case.inventory()?.facts;
        let denied: Vec<_> = facts
            .exposed_ports
            .iter()
            .filter(|exposed| {
                PortRange::parse(exposed)
                    .is_none_or(|exposed| self.deny.iter().any(|denied| denied.overlaps(&exposed)))
            })
            .map(String::as_str)
            .collect();
        let judgement = if denied.is_empty() {
            let ports = facts.exposed_ports.join(", ");
            let observed = if ports.is_empty() { "none" } else { &ports };
            Judgement::new(Outcome::Pass, observed)
        } else {
            let ports = denied.join(", ");
            Judgement::new(Outcome::Fail, format!("exposes {ports}"))
                .brief(format!("exposes {ports}"))
        };
        Ok(judgement
            .at(Place::Inventory)
            .remedy("remove the port from `EXPOSE` in the build file"))
    }
}
