//! The headers of core metadata: `Field: value` lines up to the first blank line.
//!
//! What follows the blank line is the description, which may contain lines that look like headers.

/// The headers the house reads. Of a repeated header the first counts, as the reference parser reads it.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) license_expression: Option<String>,
    /// The last part of each licence classifier: `MIT License`.
    pub(crate) license_classifiers: Vec<String>,
}

/// Classifiers kept. The longest honest list names four licences.
const CLASSIFIERS: usize = 16;

impl Headers {
    pub(crate) fn parse(content: &[u8]) -> Self {
        let mut headers = Self::default();
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        for line in content.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii_end();
            if line.is_empty() {
                break;
            }
            headers.read(line);
        }
        headers
    }

    fn read(&mut self, line: &[u8]) {
        if matches!(line, [b' ' | b'\t', ..]) {
            return; // folded: only a licence's full text is, and its first line names it
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let value = line[colon + 1..].trim_ascii();
        let header = match line[..colon].to_ascii_lowercase().as_slice() {
            b"name" => &mut self.name,
            b"version" => &mut self.version,
            b"license" => &mut self.license,
            b"license-expression" => &mut self.license_expression,
            b"classifier" => return self.classify(value),
            _ => return,
        };
        // Old installers wrote UNKNOWN where nothing was said.
        if header.is_none() && !value.is_empty() && value != b"UNKNOWN" {
            *header = Some(String::from_utf8_lossy(value).into_owned());
        }
    }

    /// `License :: OSI Approved :: MIT License` names a licence, `License :: OSI Approved` only a kind of them.
    fn classify(&mut self, value: &[u8]) {
        let value = String::from_utf8_lossy(value);
        let mut parts = value.split("::").map(str::trim);
        let is_license = parts.next() == Some("License");
        let name = parts.last().filter(|name| *name != "OSI Approved");
        if let Some(name) =
            name.filter(|_| is_license && self.license_classifiers.len() < CLASSIFIERS)
        {
            self.license_classifiers.push(name.to_owned());
        }
    }

    /// Returns the licences: the expression, else the field, else what the classifiers say.
    pub(crate) fn licenses(self) -> Vec<String> {
        match self.license_expression.or(self.license) {
            Some(license) => vec![license],
            None => self.license_classifiers,
        }
    }
}
