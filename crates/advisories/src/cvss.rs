//! Base scores from CVSS vectors, for versions 2.0, 3.0, 3.1 and 4.0.
//!
//! The mathematics is the `cvss` crate's; the corpus suite checks it against published vectors of every version. A
//! score without its vector is never taken: it cannot be recomputed.

use serde::{Deserialize, Serialize};

/// The version of a vector, in the order of preference: a later one says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CvssVersion {
    /// CVSS 2.0.
    V2,
    /// CVSS 3.0.
    V30,
    /// CVSS 3.1.
    V31,
    /// CVSS 4.0.
    V40,
}

/// A vector and the score it gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoredVector {
    /// Its version.
    pub version: CvssVersion,
    /// The vector as published, without surrounding space.
    pub vector: String,
    /// The score, 0.0 to 10.0.
    pub score: f64,
}

/// The text is not a CVSS vector of a known version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{vector}` is not a CVSS vector: {reason}")]
pub struct InvalidVector {
    /// The text.
    pub vector: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The mandatory metrics of each version.
const V2_BASE: [&str; 6] = ["AV", "AC", "Au", "C", "I", "A"];
const V3_BASE: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const V4_BASE: [&str; 11] = [
    "AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA",
];

/// Computes the base score of a vector. Temporal and environmental groups of versions 2 and 3 are read and not used.
///
/// # Source
/// The CVSS specifications of FIRST: v2.0, v3.0, v3.1 and v4.0.
pub fn score(vector: &str) -> Result<ScoredVector, InvalidVector> {
    let vector = vector.trim();
    let invalid = |reason: String| InvalidVector {
        vector: vector.chars().take(200).collect(),
        reason,
    };
    let parsed: ::cvss::Cvss = vector
        .parse()
        .map_err(|error: ::cvss::Error| invalid(error.to_string()))?;
    let (version, required): (_, &[&str]) = match parsed {
        ::cvss::Cvss::CvssV20(_) => (CvssVersion::V2, &V2_BASE),
        ::cvss::Cvss::CvssV30(_) => (CvssVersion::V30, &V3_BASE),
        ::cvss::Cvss::CvssV31(_) => (CvssVersion::V31, &V3_BASE),
        ::cvss::Cvss::CvssV40(_) => (CvssVersion::V40, &V4_BASE),
        _ => return Err(invalid("an unknown version".to_owned())),
    };
    // The parser takes a vector without a mandatory metric and scores it as if the metric were harmless.
    let has = |metric: &str| {
        let mut parts = vector.split('/').filter_map(|part| part.split_once(':'));
        parts.any(|(name, _)| name == metric)
    };
    if let Some(missing) = required.iter().find(|metric| !has(metric)) {
        return Err(invalid(format!(
            "the mandatory metric `{missing}` is missing"
        )));
    }
    Ok(ScoredVector {
        version,
        vector: vector.to_owned(),
        score: parsed.score(),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("AV:N/AC:L/Au:N/C:N/I:N/A:C", CvssVersion::V2, 7.8)]
    #[case("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", CvssVersion::V30, 9.8)]
    #[case(
        " CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H\n",
        CvssVersion::V31,
        7.2
    )]
    #[case(
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
        CvssVersion::V40,
        9.3
    )]
    fn every_version_has_its_score(
        #[case] vector: &str,
        #[case] version: CvssVersion,
        #[case] expected: f64,
    ) {
        let scored = score(vector).expect("a valid vector");
        assert_eq!(scored.version, version);
        assert!((scored.score - expected).abs() < 1e-9, "{}", scored.score);
        assert_eq!(scored.vector, vector.trim());
    }

    #[rstest]
    #[case("")]
    #[case("7.5")]
    #[case("CVSS:5.0/AV:N/AC:L")]
    #[case("CVSS:3.1/AV:Z/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")]
    #[case("CVSS:3.1")]
    #[case("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N")]
    #[case("AV:N/AC:L/Au:N/C:N/I:N")]
    fn a_text_that_is_no_vector_is_refused(#[case] text: &str) {
        assert!(score(text).is_err(), "{text}");
    }
}
