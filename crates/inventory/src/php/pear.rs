//! The registry of PEAR: one serialized array per installed package, `.registry/NAME.reg`, in a folder per channel
//! other than PEAR's own (`.registry/.channel.pecl.php.net/redis.reg`).

use evidence::{Evidence, PackageType};

use super::serialized::Value;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const PEAR: Extractor = Extractor {
    name: "php-pear",
    version: 1,
    literals: &[".registry/"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    path.ends_with(b".reg")
        && path::ancestors(path).any(|directory| path::basename(directory) == b".registry")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match Value::read(file.content) {
        Some(package) => listing.push(row(&package), notes),
        None => notes.warning("php.bad_registry", "not a serialized array"),
    }
    listing.rows(PackageType::Pear, Evidence::InstalledMetadata)
}

/// The second format of the package description has the release among versions and attributes beside a licence; the
/// first one has plain texts.
fn row(package: &Value) -> PackageRow {
    let text = |name: &str, inner: &str| {
        let value = package.get(name)?;
        value
            .as_str()
            .or_else(|| value.get(inner)?.as_str())
            .map(str::to_owned)
    };
    let channel = text("channel", "").unwrap_or_else(|| "pear.php.net".to_owned());
    let name = text("name", "")
        .or_else(|| text("package", ""))
        .unwrap_or_default();
    PackageRow {
        name: if name.is_empty() {
            name
        } else {
            format!("{channel}/{name}")
        },
        version: text("version", "release").unwrap_or_default(),
        licenses: text("license", "_content").into_iter().collect(),
        ..PackageRow::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn both_formats_name_the_release() {
        let second = "a:4:{s:4:\"name\";s:5:\"redis\";s:7:\"channel\";s:12:\"pecl.php.net\";\
            s:7:\"version\";a:2:{s:7:\"release\";s:5:\"6.0.2\";s:3:\"api\";s:5:\"6.0.0\";}\
            s:7:\"license\";a:2:{s:7:\"attribs\";a:0:{}s:8:\"_content\";s:3:\"PHP\";}}";
        let found = reading::read(
            &PEAR,
            "usr/lib/php/.registry/.channel.pecl.php.net/redis.reg",
            second,
        );
        assert_eq!(found.rows, ["pecl.php.net/redis 6.0.2 [\"PHP\"]"]);
        let first = "a:2:{s:7:\"package\";s:11:\"Archive_Tar\";s:7:\"version\";s:6:\"1.4.14\";}";
        let found = reading::read(&PEAR, "usr/share/php/.registry/archive_tar.reg", first);
        assert_eq!(found.rows, ["pear.php.net/Archive_Tar 1.4.14"]);
    }

    #[test]
    fn damage_is_noted() {
        let found = reading::read(&PEAR, ".registry/a.reg", "a:1:{");
        assert_eq!(found.codes, ["php.bad_registry"]);
    }
}
