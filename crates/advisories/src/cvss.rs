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

/// Computes the score of a vector.
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
    let version = match parsed {
        ::cvss::Cvss::CvssV20(_) => CvssVersion::V2,
        ::cvss::Cvss::CvssV30(_) => CvssVersion::V30,
        ::cvss::Cvss::CvssV31(_) => CvssVersion::V31,
        ::cvss::Cvss::CvssV40(_) => CvssVersion::V40,
        _ => return Err(invalid("an unknown version".to_owned())),
    };
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
    fn a_text_that_is_no_vector_is_refused(#[case] text: &str) {
        assert!(score(text).is_err(), "{text}");
    }
}
