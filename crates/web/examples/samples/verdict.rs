//! Verdicts and the decision page.

use gate::{Decision, Door, Inputs, Level, Mode, Outcome, OutcomeCounts, RuleOutcome, Verdict};
use web::DecisionPage;

use super::{Samples, ago, api, digest, snapshot};

impl Samples {
    pub(super) fn verdict(&self) -> Verdict {
        let rules = vec![
            RuleOutcome {
                observed: self
                    .text("1 fixable critical: CVE-2026-31337 in openssl 3.0.11-1~deb12u2"),
                required: self.text("0 with a fix older than 7 days"),
                remediation: Some(self.text("apt-get install --only-upgrade openssl")),
                since: Some("2026-10-10".parse().unwrap()),
                evidence: Some("/api/v1/evidence/sha256:00#finding-12".to_owned()),
                ..self.rule(
                    "no-fixable-critical",
                    "No critical vulnerability with a fix",
                    "vuln.count",
                    Outcome::Fail,
                    Level::Deny,
                )
            },
            RuleOutcome {
                observed: self.text("D: the fix for CVE-2026-31337 was not applied for 45 days"),
                required: self.text("C or better"),
                remediation: Some(self.text("rebuild on the current base image")),
                ..self.rule(
                    "health",
                    "Health grade at least C",
                    "health.grade",
                    Outcome::Fail,
                    Level::Deny,
                )
            },
            RuleOutcome {
                observed: self.text("user is not set, so the image runs as root"),
                required: self.text("another user than root"),
                remediation: Some(self.text("add USER 10001 to the build file")),
                ..self.rule(
                    "non-root",
                    "Does not run as root",
                    "config.user",
                    Outcome::Fail,
                    Level::Deny,
                )
            },
            RuleOutcome {
                observed: self.text("no scan of the last 24 h"),
                required: self.text("a scan of the last 24 h"),
                ..self.rule(
                    "fresh-scan",
                    "Scanned recently",
                    "evidence.age",
                    Outcome::Unknown,
                    Level::Deny,
                )
            },
            RuleOutcome {
                observed: self.text("2 above 50 %"),
                required: "0".to_owned(),
                ..self.rule(
                    "epss",
                    "Exploitation is unlikely",
                    "vuln.epss",
                    Outcome::Fail,
                    Level::Warn,
                )
            },
            self.rule(
                "ports",
                "No forbidden ports",
                "config.ports",
                Outcome::Pass,
                Level::Deny,
            ),
            self.rule(
                "size",
                "Below 2 GB",
                "image.size",
                Outcome::Pass,
                Level::Warn,
            ),
            self.rule(
                "base",
                "Built on an allowed base",
                "base.allowed",
                Outcome::NotApplicable,
                Level::Deny,
            ),
        ];
        Verdict {
            schema_version: 1,
            id: Some(self.text("01JD9K2QH4")),
            verdict: Decision::Deny,
            door: Door::Pull,
            mode: Mode::Enforce,
            subject: gate::VerdictSubject {
                repository: self.text("payments/api"),
                tag: Some(self.text("2.3.7")),
                digest: Some(digest("c")),
                platform: Some(self.text("linux/amd64")),
            },
            policy: vec![gate::PolicyRef {
                name: self.text("production"),
                version: Some(14),
                sha256: digest("policy").hex().to_owned(),
                mode: Mode::Enforce,
                enforced_from: None,
            }],
            inputs: Inputs {
                evidence: vec![digest("evidence"), digest("inventory")],
                advisories: Some(digest("snapshot")),
                at: ago(41),
            },
            counts: OutcomeCounts::of(&rules),
            rules,
            valid_until: Some(ago(-3600)),
            url: None,
        }
    }

    pub(super) fn allowed(&self) -> Verdict {
        let mut verdict = self.verdict();
        verdict.verdict = Decision::Allow;
        verdict.rules.retain(|rule| rule.outcome == Outcome::Pass);
        verdict.counts = OutcomeCounts::of(&verdict.rules);
        verdict
    }

    pub(super) fn rule(
        &self,
        id: &str,
        title: &str,
        condition: &str,
        outcome: Outcome,
        level: Level,
    ) -> RuleOutcome {
        RuleOutcome {
            id: self.text(&format!("production/{id}")),
            condition: self.text(condition),
            title: self.text(title),
            outcome,
            level,
            effect: match (outcome, level) {
                (Outcome::Fail, Level::Deny) => Decision::Deny,
                (Outcome::Fail, Level::Warn) => Decision::Warn,
                (Outcome::Unknown, _) => Decision::Pending,
                _ => Decision::Allow,
            },
            observed: self.text("as required"),
            required: self.text("as the policy says"),
            summary: String::new(),
            since: None,
            evidence: self.hostile.clone(),
            remediation: None,
            link: None,
            platform: None,
            waivable: true,
            waiver: None,
            grace: None,
        }
    }

    pub(super) fn decision(&self) -> DecisionPage {
        DecisionPage {
            frame: self.frame("/d/01JD9K2QH4"),
            id: self.text("01JD9K2QH4"),
            repository: api(),
            verdict: self.verdict(),
            advisories_built_at: Some(snapshot().built_at),
            identity: Some(self.text("robot payments+cluster-7")),
            client_text: self.text("denied: production blocks payments/api:2.3.7 (4 of 8 rules): no-fixable-critical: CVE-2026-31337 openssl 3.0.11-1~deb12u2, fixed in 3.0.15-1~deb12u1; health: D, needs C; non-root: runs as root. https://registry.example.com/d/01JD9K2QH4"),
            document: self.text("{\n  \"schemaVersion\": 1,\n  \"verdict\": \"deny\"\n}"),
        }
    }

    pub(super) fn decision_allowed(&self) -> DecisionPage {
        DecisionPage {
            verdict: self.allowed(),
            client_text: self.text("(nothing: the image was served)"),
            ..self.decision()
        }
    }
}
