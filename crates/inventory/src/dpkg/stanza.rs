//! The stanzas of a dpkg database: `Field: value` lines, folded lines, blank lines between.
//!
//! Only the fields in use are kept; a database is read once, front to back, without a copy of the rest.
//!
//! # Source
//! `deb-control(5)`; Debian Policy, section 5.1.

/// The fields of one stanza that the house reads.
#[derive(Debug, Default)]
pub(crate) struct Stanza {
    /// The number of its first line.
    pub(crate) line: usize,
    pub(crate) package: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) architecture: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) maintainer: Option<String>,
    /// opkg's: dpkg keeps licences in files of their own.
    pub(crate) license: Option<String>,
    /// opkg's: seconds of Unix time.
    pub(crate) installed_time: Option<String>,
    /// Whether it is a stanza of vcpkg.
    pub(crate) port_version: bool,
    /// How many lines are neither a field nor a folded line.
    pub(crate) bad_lines: usize,
}

/// Returns the stanzas of a database, damaged ones included.
pub(crate) fn split(content: &[u8]) -> impl Iterator<Item = Stanza> {
    let mut lines = content.split(|byte| *byte == b'\n').zip(1..);
    std::iter::from_fn(move || {
        let mut stanza: Option<Stanza> = None;
        for (line, number) in lines.by_ref() {
            let line = line.trim_ascii_end();
            if !line.is_empty() {
                stanza
                    .get_or_insert_with(|| Stanza {
                        line: number,
                        ..Stanza::default()
                    })
                    .read(line);
            } else if stanza.is_some() {
                break;
            }
        }
        stanza
    })
}

impl Stanza {
    fn read(&mut self, line: &[u8]) {
        if matches!(line, [b' ' | b'\t', ..]) {
            return; // folded: no field in use is written over several lines
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            self.bad_lines += 1;
            return;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let field = match name.to_ascii_lowercase().as_slice() {
            b"package" => &mut self.package,
            b"status" => &mut self.status,
            b"version" => &mut self.version,
            b"architecture" => &mut self.architecture,
            b"source" => &mut self.source,
            b"maintainer" => &mut self.maintainer,
            b"license" => &mut self.license,
            b"installed-time" => &mut self.installed_time,
            b"port-version" => {
                self.port_version = true;
                return;
            }
            _ => return,
        };
        if !value.is_empty() {
            *field = Some(String::from_utf8_lossy(value).into_owned());
        }
    }
}
