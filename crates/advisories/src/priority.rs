//! The order in which findings deserve attention, as one published formula.
//!
//! It sorts; it decides nothing. A policy that needs a threshold uses severity, KEV and EPSS themselves.

use std::cmp::Ordering;

use evidence::{Finding, Severity, Status};

/// Computes the priority of a finding, from 0 to 100.
///
/// `min(threat × severity × kev, 1) × 100`. Threat is 1 for a known exploited vulnerability, else the EPSS
/// probability, else 0. Severity is the mean of the severity word's midpoint and the CVSS base score, over 10; where
/// one of them is missing, the other alone. The KEV factor is 1.05, with known ransomware use 1.1, else 1.
pub fn priority(finding: &Finding) -> f64 {
    let threat = match (&finding.kev, &finding.epss) {
        (Some(_), _) => 1.0,
        (None, Some(epss)) => epss.probability,
        (None, None) => 0.0,
    };
    let kev = match &finding.kev {
        Some(kev) if kev.ransomware => 1.1,
        Some(_) => 1.05,
        None => 1.0,
    };
    let word = midpoint(finding.severity);
    let score = finding.cvss.as_ref().map(|cvss| cvss.score);
    let severity = match (word, score) {
        (Some(word), Some(score)) => f64::midpoint(word, score) / 10.0,
        (Some(value), None) | (None, Some(value)) => value / 10.0,
        (None, None) => 0.0,
    };
    (threat * severity * kev).clamp(0.0, 1.0) * 100.0
}

/// Returns the middle of the CVSS range that the word stands for.
const fn midpoint(severity: Severity) -> Option<f64> {
    match severity {
        Severity::Critical => Some(9.5),
        Severity::High => Some(7.95),
        Severity::Medium => Some(5.45),
        Severity::Low => Some(2.0),
        Severity::Negligible => Some(0.0),
        Severity::Unknown => None,
    }
}

/// Orders findings for reading: counted ones first, then affected, known exploited, priority, severity, a fix at hand,
/// the upper layer (application before base), and names so that the order is total.
pub(crate) fn most_urgent_first(a: &Finding, b: &Finding) -> Ordering {
    let rank = |finding: &Finding| {
        (
            finding.suppressed.is_some(),
            finding.status != Status::Affected,
            finding.kev.is_none(),
        )
    };
    rank(a)
        .cmp(&rank(b))
        .then_with(|| priority(b).total_cmp(&priority(a)))
        .then_with(|| b.severity.cmp(&a.severity))
        .then_with(|| b.is_fixable().cmp(&a.is_fixable()))
        .then_with(|| b.layer.cmp(&a.layer))
        .then_with(|| {
            (&a.package, &a.version, &a.path, &a.id).cmp(&(&b.package, &b.version, &b.path, &b.id))
        })
        .then_with(|| a.package_type.cmp(&b.package_type))
}

#[cfg(test)]
mod tests {
    use evidence::{Cvss, Epss, Fix, Kev, Origin, PackageType};

    use super::*;

    fn finding(
        severity: Severity,
        score: Option<f64>,
        epss: Option<f64>,
        kev: Option<bool>,
    ) -> Finding {
        Finding {
            id: "CVE-2026-0001".into(),
            aliases: vec![],
            package_type: PackageType::Deb,
            package: "openssl".into(),
            version: "1".into(),
            source_package: None,
            path: String::new(),
            layer: None,
            severity,
            severity_source: String::new(),
            cvss: score.map(|score| Cvss {
                vector: String::new(),
                score,
            }),
            epss: epss.map(|probability| Epss {
                probability,
                percentile: 0.5,
            }),
            kev: kev.map(|ransomware| Kev {
                added: "2026-01-01".into(),
                due: "2026-01-22".into(),
                ransomware,
            }),
            status: Status::Affected,
            fix: Fix::NoneYet,
            note: String::new(),
            published: None,
            summary: String::new(),
            origin: Origin {
                feed: "debian".into(),
                record: "CVE-2026-0001".into(),
            },
            suppressed: None,
        }
    }

    #[track_caller]
    fn check(finding: &Finding, expected: f64) {
        let observed = priority(finding);
        assert!(
            (observed - expected).abs() < 1e-9,
            "{observed} is not {expected}"
        );
    }

    #[test]
    fn the_formula_gives_its_published_values() {
        use Severity::{Critical, High, Unknown};
        check(
            &finding(Critical, Some(9.8), Some(0.5), None),
            0.5 * 0.965 * 100.0,
        );
        check(&finding(High, None, Some(0.1), None), 0.1 * 0.795 * 100.0);
        check(&finding(Unknown, Some(5.0), Some(1.0), None), 50.0);
        check(&finding(Unknown, None, Some(1.0), None), 0.0);
        check(&finding(Critical, Some(9.8), None, None), 0.0);
        check(
            &finding(High, Some(7.5), Some(0.001), Some(false)),
            0.7725 * 1.05 * 100.0,
        );
        check(
            &finding(High, Some(7.5), None, Some(true)),
            0.7725 * 1.1 * 100.0,
        );
        check(&finding(Critical, Some(10.0), None, Some(true)), 100.0);
    }

    #[test]
    fn a_known_exploited_flaw_comes_before_a_likelier_one() {
        let exploited = finding(Severity::Low, None, Some(0.01), Some(false));
        let likely = finding(Severity::Critical, Some(10.0), Some(0.99), None);
        assert_eq!(most_urgent_first(&exploited, &likely), Ordering::Less);
    }

    #[test]
    fn a_suppressed_finding_comes_after_everything_counted() {
        let mut suppressed = finding(Severity::Critical, Some(10.0), Some(0.99), Some(true));
        suppressed.suppressed = Some(evidence::Suppression {
            reason: "unimportant".into(),
            source: "debian".into(),
        });
        let counted = finding(Severity::Low, None, None, None);
        assert_eq!(most_urgent_first(&counted, &suppressed), Ordering::Less);
    }
}
