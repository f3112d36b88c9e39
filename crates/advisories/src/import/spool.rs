//! A temporary file of values, written once and read at known places.
//!
//! It keeps the memory of a build bounded by the *number* of records, not by their size. The file has no name: it is
//! gone when the build ends, however it ends.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    offset: u64,
    length: u32,
}

/// The file.
#[derive(Debug)]
pub(super) struct Spool {
    file: Option<BufWriter<File>>,
    end: u64,
    unflushed: bool,
}

impl Spool {
    /// Starts empty; the file is made with the first value.
    pub(super) const fn new() -> Self {
        Self {
            file: None,
            end: 0,
            unflushed: false,
        }
    }

    /// Appends a value.
    pub(super) fn push(&mut self, value: &impl Serialize) -> io::Result<Place> {
        let bytes = postcard::to_allocvec(value).map_err(io::Error::other)?;
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        file.write_all(&bytes)?;
        let place = Place {
            offset: self.end,
            length,
        };
        self.end += u64::from(length);
        self.unflushed = true;
        Ok(place)
    }

    /// Reads a value back. Values may be read in any order, and pushed afterwards.
    pub(super) fn get<T: DeserializeOwned>(&mut self, place: Place) -> io::Result<T> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if std::mem::take(&mut self.unflushed) {
            file.flush()?;
        }
        let file = file.get_mut();
        file.seek(SeekFrom::Start(place.offset))?;
        let mut bytes = vec![0; place.length as usize];
        file.read_exact(&mut bytes)?;
        file.seek(SeekFrom::Start(self.end))?;
        postcard::from_bytes(&bytes).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_in_any_order_and_between_writes() {
        let mut spool = Spool::new();
        let first = spool.push(&"one").expect("written");
        let second = spool.push(&vec![1_u64, 2]).expect("written");
        assert_eq!(spool.get::<Vec<u64>>(second).expect("read"), [1, 2]);
        let third = spool.push(&"three").expect("written");
        assert_eq!(spool.get::<String>(first).expect("read"), "one");
        assert_eq!(spool.get::<String>(third).expect("read"), "three");
    }
}
