//! `vuln.kev`: vulnerabilities that are known to be exploited.

use evidence::{Finding, Kev};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::case::{Case, Judgement, Missing, Place};
use super::findings::{Count, Label, judge_count};
use super::vuln_filter::{self, VulnFilter};
use super::{Condition, ConditionInfo, Parameter};
use crate::Outcome;
use crate::policy::Since;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "vuln.kev",
    summary: "No more vulnerabilities from CISA's catalogue of known exploited ones than tolerated.",
    parameters: &[
        Parameter::optional(
            "overdueOnly",
            "true, false",
            Some("false"),
            "count an entry only after its due day (UTC) has passed",
        ),
        vuln_filter::FIXABLE,
        vuln_filter::PACKAGES,
        vuln_filter::MAX,
    ],
    notes: "An entry whose due day cannot be read counts as overdue.",
    example: "{id: no-kev, when: vuln.kev, with: {max: 0}, level: deny}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let overdue_only = match fields.optional("overdueOnly") {
            Some(flag) => flag.boolean()?,
            None => false,
        };
        let filter = VulnFilter::read(fields)?;
        let kind = if overdue_only {
            " overdue as known exploited"
        } else {
            " listed as known exploited"
        };
        Ok(Box::new(VulnKev {
            label: filter.label(kind),
            overdue_only,
            filter,
            max: vuln_filter::read_max(fields)?,
        }))
    },
};

#[derive(Debug)]
struct VulnKev {
    overdue_only: bool,
    filter: VulnFilter,
    max: u32,
    label: Label,
}

impl Condition for VulnKev {
    fn required(&self) -> String {
        vuln_filter::required(self.max)
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let count = Count {
            label: &self.label,
            max: self.max,
            allows_grace: true,
            since: Since::FixAvailable,
        };
        let counts = |finding: &Finding| {
            self.counts_from(finding)
                .is_some_and(|instant| instant <= case.now)
        };
        let mut judgement = judge_count(case, &count, counts)?;
        if judgement.outcome == Outcome::Pass && case.lacks_feed("kev") {
            judgement = Judgement::unknown("no known-exploited data in the advisory snapshot")
                .at(Place::Matches)
                .remedy("import the KEV feed");
        }
        let next = case
            .findings()?
            .all()
            .filter_map(|finding| self.counts_from(finding))
            .filter(|instant| *instant > case.now)
            .min();
        Ok(match next {
            Some(next) => judgement.changing_at(next, case.now),
            None => judgement,
        })
    }
}

impl VulnKev {
    /// Returns the first instant at which the finding counts.
    fn counts_from(&self, finding: &Finding) -> Option<Timestamp> {
        let kev = finding.kev.as_ref()?;
        if !self.filter.matches(finding) {
            return None;
        }
        Some(if self.overdue_only {
            overdue_from(kev)
        } else {
            Timestamp::MIN
        })
    }
}

/// Returns the end of the due day.
fn overdue_from(kev: &Kev) -> Timestamp {
    let end = || {
        let due: Date = kev.due.parse().ok()?;
        let next = due.checked_add(1.day()).ok()?;
        Some(next.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
    };
    end().unwrap_or(Timestamp::MIN)
}
