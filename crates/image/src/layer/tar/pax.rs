//! PAX extended headers: the records that matter here.
//!
//! Adding a record: a field, an arm in [`Records::set`], its place in [`Records::over`].
//!
//! # Source
//! POSIX.1-2001 `pax`, "pax Extended Header"; GNU tar's sparse formats 0.0, 0.1 and 1.0.

use super::sparse::Segment;

/// The records of one extended header. A record with an empty value counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<i64>,
    pub(super) uid: Option<i64>,
    pub(super) gid: Option<i64>,
    pub(super) mtime: Option<i64>,
    pub(super) capability: Option<Vec<u8>>,
    pub(super) sparse: SparseRecords,
}

/// The records of the three PAX sparse formats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SparseRecords {
    pub(super) major: Option<Vec<u8>>,
    pub(super) minor: Option<Vec<u8>>,
    pub(super) name: Option<Vec<u8>>,
    /// `GNU.sparse.realsize` or `GNU.sparse.size`.
    pub(super) size: Option<u64>,
    /// The map of 0.0 (pairs of records) or 0.1 (one record).
    pub(super) map: Option<Vec<Segment>>,
}

/// What a header that cannot be read says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadRecord(pub(super) String);

impl Records {
    /// Returns whether nothing is recorded.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the records of one extended header; later ones win.
    pub(super) fn parse(mut payload: &[u8]) -> Result<Self, BadRecord> {
        let mut records = Self::default();
        let mut offset = None;
        while !payload.is_empty() {
            let record = split_record(payload)?;
            payload = &payload[record.length..];
            records.set(record.key, record.value, &mut offset)?;
        }
        if offset.is_some() {
            return Err(BadRecord("a sparse offset has no length".to_owned()));
        }
        Ok(records)
    }

    fn set(&mut self, key: &[u8], value: &[u8], offset: &mut Option<u64>) -> Result<(), BadRecord> {
        let text = || (!value.is_empty()).then(|| value.to_vec());
        match key {
            b"path" => self.path = text(),
            b"linkpath" => self.linkpath = text(),
            b"size" => self.size = signed(key, value)?,
            b"uid" => self.uid = signed(key, value)?,
            b"gid" => self.gid = signed(key, value)?,
            b"mtime" => self.mtime = seconds(value),
            b"SCHILY.xattr.security.capability" => self.capability = text(),
            b"GNU.sparse.major" => self.sparse.major = text(),
            b"GNU.sparse.minor" => self.sparse.minor = text(),
            b"GNU.sparse.name" => self.sparse.name = text(),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => {
                self.sparse.size = Some(unsigned(key, value)?);
            }
            b"GNU.sparse.offset" => {
                let before = offset.replace(unsigned(key, value)?);
                if before.is_some() {
                    return Err(BadRecord("a sparse offset has no length".to_owned()));
                }
            }
            b"GNU.sparse.numbytes" => {
                let Some(offset) = offset.take() else {
                    return Err(BadRecord("a sparse length has no offset".to_owned()));
                };
                let length = unsigned(key, value)?;
                self.sparse
                    .map
                    .get_or_insert_default()
                    .push(Segment { offset, length });
            }
            b"GNU.sparse.map" => self.sparse.map = Some(map(key, value)?),
            _ => {}
        }
        Ok(())
    }

    /// Returns these records, with those of `globals` where these say nothing.
    pub(super) fn over(mut self, globals: &Self) -> Self {
        self.path = self.path.or_else(|| globals.path.clone());
        self.linkpath = self.linkpath.or_else(|| globals.linkpath.clone());
        self.size = self.size.or(globals.size);
        self.uid = self.uid.or(globals.uid);
        self.gid = self.gid.or(globals.gid);
        self.mtime = self.mtime.or(globals.mtime);
        self.capability = self.capability.or_else(|| globals.capability.clone());
        self
    }
}

/// One `LENGTH KEY=VALUE\n`; the length counts the whole record in bytes.
struct Record<'p> {
    key: &'p [u8],
    value: &'p [u8],
    length: usize,
}

/// Reads the first record of a payload.
fn split_record(payload: &[u8]) -> Result<Record<'_>, BadRecord> {
    let bad = |what: &str| BadRecord(format!("a PAX record {what}"));
    let space = payload
        .iter()
        .take(20)
        .position(|byte| *byte == b' ')
        .ok_or_else(|| bad("has no length"))?;
    let length = decimal(&payload[..space])
        .and_then(|length| usize::try_from(length).ok())
        .ok_or_else(|| bad("has no length"))?;
    if length <= space + 1 || length > payload.len() {
        return Err(bad("has a length beyond its header"));
    }
    let Some((b'\n', body)) = payload[space + 1..length].split_last() else {
        return Err(bad("does not end with a line break"));
    };
    let equals = body
        .iter()
        .position(|byte| *byte == b'=')
        .filter(|equals| *equals > 0)
        .ok_or_else(|| bad("has no key"))?;
    Ok(Record {
        key: &body[..equals],
        value: &body[equals + 1..],
        length,
    })
}

/// Reads an unsigned decimal number.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

fn signed(key: &[u8], value: &[u8]) -> Result<Option<i64>, BadRecord> {
    if value.is_empty() {
        return Ok(None);
    }
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| not_a_number(key, value))
}

fn unsigned(key: &[u8], value: &[u8]) -> Result<u64, BadRecord> {
    decimal(value)
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| not_a_number(key, value))
}

fn not_a_number(key: &[u8], value: &[u8]) -> BadRecord {
    let (key, value) = (crate::path::show(key), crate::path::show(value));
    BadRecord(format!(
        "the PAX record `{key}` is `{value}`, not a number in range"
    ))
}

/// Reads the whole seconds of a time; a time that is none does not matter.
fn seconds(value: &[u8]) -> Option<i64> {
    let whole = value.split(|byte| *byte == b'.').next()?;
    std::str::from_utf8(whole).ok()?.parse().ok()
}

fn map(key: &[u8], value: &[u8]) -> Result<Vec<Segment>, BadRecord> {
    let mut numbers = value.split(|byte| *byte == b',');
    let mut segments = Vec::new();
    while let Some(offset) = numbers.next() {
        let Some(length) = numbers.next() else {
            return Err(BadRecord("a sparse offset has no length".to_owned()));
        };
        segments.push(Segment {
            offset: unsigned(key, offset)?,
            length: unsigned(key, length)?,
        });
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn records_are_read_and_unknown_ones_ignored() {
        let payload =
            b"12 path=a=b\n21 comment=x y z=\xff\xfe\n\n12 size=123\n19 mtime=-7.250000\n";
        let records = Records::parse(payload).expect("well formed");
        assert_eq!(records.path.as_deref(), Some(b"a=b".as_slice()));
        assert_eq!(records.size, Some(123));
        assert_eq!(records.mtime, Some(-7));
    }

    #[test]
    fn own_records_win_over_global_ones() {
        let own = Records::parse(b"8 uid=1\n").expect("well formed");
        let global = Records::parse(b"8 uid=2\n8 gid=3\n").expect("well formed");
        let both = own.over(&global);
        assert_eq!((both.uid, both.gid), (Some(1), Some(3)));
    }

    #[rstest]
    #[case(b"path=a\n")]
    #[case(b"99 path=a\n")]
    #[case(b"3 \n")]
    #[case(b"9 path=ab")]
    #[case(b"6 =ab\n")]
    #[case(b"12 size=12x\n")]
    #[case(b"28 size=99999999999999999999\n")]
    #[case(b"21 GNU.sparse.map=1\n")]
    #[case(b"23 GNU.sparse.offset=1\n")]
    #[case(b"25 GNU.sparse.numbytes=1\n")]
    #[case(b"00000000000000000000000000000000012 path=a\n")]
    fn a_malformed_record_is_refused(#[case] payload: &[u8]) {
        assert!(Records::parse(payload).is_err());
    }
}
