//! Reading a blob and finding out, at the latest at its end, whether it is the content its descriptor names.

use std::io::{self, Read};

use oci::{Digest, DigestHasher};

use super::VerifyError;

/// A reader that fails with a [`VerifyError`] (inside an [`io::Error`] of kind `InvalidData`) where the stream differs
/// from its promised size or digest. It says so before it would report the end, so a consumer that reads to the end
/// cannot miss it.
#[derive(Debug)]
pub struct VerifyingReader<R> {
    inner: R,
    expected: Digest,
    size: u64,
    read: u64,
    hasher: Option<DigestHasher>,
}

impl<R: Read> VerifyingReader<R> {
    /// Wraps `inner`, which should yield `size` bytes with the digest `expected`.
    pub fn new(inner: R, expected: Digest, size: u64) -> Self {
        let hasher = DigestHasher::new(expected.algorithm());
        Self {
            inner,
            expected,
            size,
            read: 0,
            hasher: Some(hasher),
        }
    }

    /// Judges the stream at its end. A second call finds nothing left to judge.
    fn finish(&mut self) -> Result<(), VerifyError> {
        let Some(hasher) = self.hasher.take() else {
            return Ok(());
        };
        if self.read < self.size {
            return Err(VerifyError::Truncated {
                expected_bytes: self.size,
                found_bytes: self.read,
            });
        }
        let computed = hasher.finish();
        if computed != self.expected {
            return Err(VerifyError::Digest {
                expected: self.expected.clone(),
                computed,
            });
        }
        Ok(())
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buf)?;
        if count == 0 {
            return self.finish().map(|()| 0).map_err(invalid);
        }
        self.read += count as u64;
        if self.read > self.size {
            self.hasher = None;
            return Err(invalid(VerifyError::TooLong {
                expected_bytes: self.size,
            }));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buf[..count]);
        }
        Ok(count)
    }
}

fn invalid(error: VerifyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn check(bytes: &[u8], digest_of: &[u8], size: u64) -> Result<Vec<u8>, VerifyError> {
        let mut content = Vec::new();
        VerifyingReader::new(bytes, Digest::sha256(digest_of), size)
            .read_to_end(&mut content)
            .map(|_| content)
            .map_err(|error| error.downcast().expect("every failure is a VerifyError"))
    }

    #[test]
    fn the_promised_content_passes_unchanged() {
        assert_eq!(check(b"layer", b"layer", 5), Ok(b"layer".to_vec()));
        assert_eq!(check(b"", b"", 0), Ok(Vec::new()));
    }

    #[rstest]
    #[case(b"lay", 5, VerifyError::Truncated { expected_bytes: 5, found_bytes: 3 })]
    #[case(b"layers", 5, VerifyError::TooLong { expected_bytes: 5 })]
    #[case(b"lAyer", 5, VerifyError::Digest { expected: Digest::sha256(b"layer"), computed: Digest::sha256(b"lAyer") })]
    fn other_content_fails_by_name(
        #[case] bytes: &[u8],
        #[case] size: u64,
        #[case] expected: VerifyError,
    ) {
        assert_eq!(check(bytes, b"layer", size), Err(expected));
    }
}
