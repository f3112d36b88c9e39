//! Which artifact an archive is: the descriptor that fits it, else what its manifest and its name say.

use super::Coordinates;
use super::manifest::Manifest;

/// Groups of artifacts that are published without a Maven descriptor, with the directory of their classes.
/// A longer beginning stands before a shorter one.
///
/// # Source
/// Where the projects publish: the coordinates in their own documentation.
const GROUPS: [(&str, &str, &str); 24] = [
    ("bcpkix-", "org.bouncycastle", "org/bouncycastle/"),
    ("bcprov-", "org.bouncycastle", "org/bouncycastle/"),
    ("bcutil-", "org.bouncycastle", "org/bouncycastle/"),
    ("h2", "com.h2database", "org/h2/"),
    (
        "kafka-clients",
        "org.apache.kafka",
        "org/apache/kafka/clients/",
    ),
    ("kotlin-", "org.jetbrains.kotlin", "kotlin/"),
    (
        "kotlinx-coroutines-",
        "org.jetbrains.kotlinx",
        "kotlinx/coroutines/",
    ),
    ("liquibase-core", "org.liquibase", "liquibase/"),
    ("lucene-", "org.apache.lucene", "org/apache/lucene/"),
    ("micrometer-", "io.micrometer", "io/micrometer/"),
    ("mysql-connector-j", "com.mysql", "com/mysql/cj/"),
    ("okhttp", "com.squareup.okhttp3", "okhttp3/"),
    ("okio", "com.squareup.okio", "okio/"),
    ("reactor-core", "io.projectreactor", "reactor/core/"),
    ("reactor-netty", "io.projectreactor.netty", "reactor/netty/"),
    (
        "spring-batch-",
        "org.springframework.batch",
        "org/springframework/batch/",
    ),
    (
        "spring-boot",
        "org.springframework.boot",
        "org/springframework/boot/",
    ),
    (
        "spring-cloud-",
        "org.springframework.cloud",
        "org/springframework/cloud/",
    ),
    (
        "spring-data-",
        "org.springframework.data",
        "org/springframework/data/",
    ),
    (
        "spring-integration-",
        "org.springframework.integration",
        "org/springframework/integration/",
    ),
    (
        "spring-security-",
        "org.springframework.security",
        "org/springframework/security/",
    ),
    (
        "spring-session-",
        "org.springframework.session",
        "org/springframework/session/",
    ),
    ("spring-", "org.springframework", "org/springframework/"),
    ("tomcat-embed-", "org.apache.tomcat.embed", "org/apache/"),
];

/// Words that belong to a version when they follow its number.
const QUALIFIERS: [&str; 14] = [
    "alpha",
    "android",
    "beta",
    "cr",
    "final",
    "ga",
    "incubating",
    "jdk",
    "jre",
    "m",
    "rc",
    "release",
    "snapshot",
    "sp",
];

/// What an archive says about itself.
pub(super) struct Archive<'a> {
    /// Its file name without the extension.
    pub(super) stem: &'a str,
    pub(super) manifest: &'a Manifest,
    /// The coordinates of its descriptors.
    pub(super) descriptors: &'a [Coordinates],
    /// Whether it has entries below a directory.
    pub(super) has: &'a dyn Fn(&str) -> bool,
}

impl Archive<'_> {
    /// Returns the position of the descriptor that is the archive's own; the others were shaded into it.
    pub(super) fn own(&self) -> Option<usize> {
        let (name, version) = split(self.stem);
        let fits = |descriptor: &Coordinates| {
            let artifact = descriptor.artifact.as_str();
            let rest = self
                .stem
                .strip_suffix(artifact)
                .and_then(|rest| rest.strip_suffix(['.', '-']));
            artifact == name
                || artifact == self.stem
                || rest == Some(descriptor.group.as_str())
                || self.is_named(artifact, &descriptor.version)
        };
        let fitting = |descriptor: &Coordinates| {
            // Of several with one artifact the one whose group is in the file's name.
            fits(descriptor).then(|| u8::from(self.stem.contains(descriptor.group.as_str())))
        };
        let best = self
            .descriptors
            .iter()
            .enumerate()
            .filter_map(|(index, descriptor)| Some((fitting(descriptor)?, index)))
            .max_by_key(|(score, index)| (*score, std::cmp::Reverse(*index)));
        match (best, self.descriptors) {
            (Some((_, index)), _) => Some(index),
            // A file that was renamed, `app.jar`, with nothing in it but itself.
            (None, [_]) if version.is_empty() => Some(0),
            _ => None,
        }
    }

    /// `artifact-version` or `artifact-version-classifier`.
    fn is_named(&self, artifact: &str, version: &str) -> bool {
        let rest = self.stem.strip_prefix(artifact);
        let rest = rest.and_then(|rest| rest.strip_prefix('-'));
        let rest = rest.and_then(|rest| rest.strip_prefix(version));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    }

    /// Returns what the manifest and the file's name say; `None` without a version.
    pub(super) fn guess(&self) -> Option<Coordinates> {
        let (name, in_name) = split(self.stem);
        let get = |names: &[&str]| names.iter().find_map(|name| self.manifest.get(name));
        let stated = |names: &[&str]| {
            names
                .iter()
                .filter_map(|name| self.manifest.get(name))
                .find(|version| is_version(version))
        };
        // A bundle's version is OSGi's and not always the artifact's: `27.0.0.jre` is 27.0-jre.
        let version = stated(&["implementation-version", "plugin-version"])
            .or(Some(in_name).filter(|version| !version.is_empty()))
            .or_else(|| stated(&["bundle-version", "specification-version"]))?;
        let before = self
            .stem
            .strip_suffix(version)
            .and_then(|rest| rest.strip_suffix('-'));
        let title = get(&["short-name", "implementation-title"]).filter(|title| is_id(title));
        let artifact = match before {
            Some(artifact) => artifact,
            None if !in_name.is_empty() => name,
            None => title.unwrap_or(self.stem),
        };
        let group = get(&["group-id", "implementation-vendor-id"])
            .filter(|group| is_id(group) && group.contains('.'))
            .or_else(|| self.known_group(artifact))
            .unwrap_or_default();
        (!artifact.is_empty()).then(|| Coordinates {
            group: group.to_owned(),
            artifact: artifact.to_owned(),
            version: version.to_owned(),
        })
    }

    fn known_group(&self, artifact: &str) -> Option<&'static str> {
        GROUPS
            .iter()
            .find(|(begin, _, classes)| artifact.starts_with(begin) && (self.has)(classes))
            .map(|(_, group, _)| *group)
    }
}

/// Splits `artifact-version-classifier`; the version is empty where there is none.
///
/// The version begins with a number that no later number follows without belonging to it: `log4j-1.2-api-2.17.1` is
/// `log4j-1.2-api`.
pub(super) fn split(stem: &str) -> (&str, &str) {
    let is_number = |part: &str| part.starts_with(|first: char| first.is_ascii_digit());
    let parts: Vec<(usize, &str)> = stem
        .split('-')
        .scan(0, |at, part| {
            let start = *at;
            *at += part.len() + 1;
            Some((start, part))
        })
        .collect();
    for (index, (start, part)) in parts.iter().enumerate().skip(1) {
        if !is_number(part) {
            continue;
        }
        let is_part = |part: &str| is_number(part) || is_qualifier(part);
        let behind = &parts[index..];
        let length = behind.iter().take_while(|(_, part)| is_part(part)).count();
        let (ours, others) = behind.split_at(length);
        if others
            .iter()
            .any(|(_, part)| is_number(part) && part.contains('.'))
        {
            continue;
        }
        let end = ours.last().map_or(stem.len(), |(at, part)| at + part.len());
        return (&stem[..start - 1], &stem[*start..end]);
    }
    (stem, "")
}

/// `jre`, `RC1`, `M2`, `alpha`.
fn is_qualifier(part: &str) -> bool {
    let word = part.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.');
    QUALIFIERS.contains(&word.to_ascii_lowercase().as_str())
}

fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.len() <= 100
        && !text.contains(char::is_whitespace)
        && !text.contains("${")
}

/// Returns whether a text may be a group or an artifact, and not prose.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
        })
}
