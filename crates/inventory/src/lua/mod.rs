//! LuaRocks: the rockspec of each installed rock, `rocks-5.4/NAME/VERSION/NAME-VERSION.rockspec`.
//!
//! A rockspec is a Lua program that assigns tables. Only assignments of a literal text are read, one per line; nothing
//! runs.
//!
//! # Source
//! LuaRocks, "Rockspec format" and "File locations".

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "lua",
    version: 1,
    literals: &[".rockspec"],
    accepts: is_installed,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

/// A rockspec elsewhere is a source tree's.
fn is_installed(path: &[u8]) -> bool {
    let version = path::parent(path);
    let tree = path::basename(path::parent(path::parent(version)));
    path.ends_with(b".rockspec") && (tree == b"rocks" || tree.starts_with(b"rocks-"))
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let text = String::from_utf8_lossy(file.content);
    let value = |key: &str| text.lines().find_map(|line| assigned(line.trim(), key));
    let row = PackageRow {
        // LuaRocks itself files a rock under the name in lower case.
        name: value("package").unwrap_or_default().to_lowercase(),
        version: value("version").unwrap_or_default().to_owned(),
        licenses: value("license").into_iter().map(str::to_owned).collect(),
        ..PackageRow::default()
    };
    if row.name.is_empty() || row.version.is_empty() {
        notes.warning(
            "lua.bad_rockspec",
            "the rockspec states no package and version as literals",
        );
    }
    listing.push(row, notes);
    listing.rows(PackageType::LuaRocks, Evidence::InstalledMetadata)
}

/// `key = "text"`, in either quotes, maybe followed by a comma.
fn assigned<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line
        .strip_prefix(key)?
        .trim_start()
        .strip_prefix('=')?
        .trim_start();
    let quote = value
        .chars()
        .next()
        .filter(|quote| "\"'".contains(*quote))?;
    value[1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    const PATH: &str =
        "usr/local/lib/luarocks/rocks-5.4/luasocket/3.1.0-1/luasocket-3.1.0-1.rockspec";

    #[test]
    fn an_installed_rock_is_listed() {
        let content = "rockspec_format = \"3.0\"\npackage = \"LuaSocket\"\nversion = '3.1.0-1'\nsource = { url = \"x\" }\ndescription = {\n   license = \"MIT\",\n   package = \"other\"\n}\n";
        let found = reading::read(&EXTRACTOR, PATH, content);
        assert_eq!(found.evidence, Evidence::InstalledMetadata);
        assert_eq!(found.rows, ["luasocket 3.1.0-1 [\"MIT\"]"]);
        assert!(!is_installed(b"srv/app/app-1.0-1.rockspec"));
    }

    #[test]
    fn what_is_computed_is_noted() {
        let found = reading::read(
            &EXTRACTOR,
            PATH,
            "local v = '1'\npackage = name\nversion = v .. '-1'\n",
        );
        assert_eq!(
            (found.rows.len(), found.codes),
            (0, vec!["lua.bad_rockspec".to_owned()])
        );
    }
}
