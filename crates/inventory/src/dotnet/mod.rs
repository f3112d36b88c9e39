//! .NET: the dependencies that the runtime reads beside a program, and NuGet's lock file.
//!
//! A `*.deps.json` lists everything its program was published with. `package` libraries come from NuGet; a
//! `runtimepack` is the framework of a self-contained program, under a name with a prefix of its own; `project` and
//! `reference` libraries are the program itself. The shared frameworks of an installed runtime carry such a file too and
//! name themselves in it.
//!
//! Not read here: the version resources of assemblies and single-file bundles, which are executables.
//!
//! # Source
//! "Runtime configuration files", `deps.json`, in the .NET runtime's documentation; NuGet, "Locking dependencies".

use evidence::{Evidence, Level, PackageType};

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "dotnet",
    version: 1,
    literals: &[".deps.json"],
    accepts: |path| path.ends_with(b".deps.json"),
    wanted: Wanted::Document,
    ownable: true,
    parse: installed,
};

pub(crate) const LOCK: Extractor = Extractor {
    name: "dotnet-lock",
    version: 1,
    literals: &["packages.lock.json"],
    accepts: |path| path::basename(path) == b"packages.lock.json",
    wanted: Wanted::Document,
    ownable: true,
    parse: locked,
};

fn installed(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::relaxed_json(file.content) {
        Ok(dependencies) => {
            for (library, facts) in dependencies["libraries"].as_object().into_iter().flatten() {
                let (name, version) = library.split_once('/').unwrap_or_default();
                match facts["type"].as_str().unwrap_or_default() {
                    "package" => listing.add(name, version, notes),
                    "runtimepack" => {
                        let name = name.strip_prefix("runtimepack.").unwrap_or(name);
                        listing.add(name, version, notes);
                    }
                    _ => {}
                }
            }
        }
        Err(error) => error.note("dotnet.bad_json", Level::Error, notes),
    }
    listing.rows(PackageType::NuGet, Evidence::InstalledMetadata)
}

/// Packages by target framework; `Project` is another part of the solution.
fn locked(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::json(file.content) {
        Ok(lock) => {
            let frameworks = lock["dependencies"].as_object().into_iter().flatten();
            let packages = frameworks.filter_map(|(_, packages)| packages.as_object());
            for (name, package) in packages
                .flatten()
                .filter(|(_, package)| package["type"] != "Project")
            {
                listing.add(
                    name,
                    package["resolved"].as_str().unwrap_or_default(),
                    notes,
                );
            }
        }
        Err(error) => error.note("dotnet.bad_json", Level::Warning, notes),
    }
    listing.rows(PackageType::NuGet, Evidence::Declared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn packages_and_the_framework_are_listed_and_the_program_is_not() {
        let content = r#"{"runtimeTarget":{"name":".NETCoreApp,Version=v8.0"},/* read as the host reads it */"libraries":{
            "App/1.0.0":{"type":"project"},"Lib.Reference/4.0.0.0":{"type":"reference"},
            "Newtonsoft.Json/13.0.3":{"type":"package","serviceable":true},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1":{"type":"runtimepack"},
            "nameless":{"type":"package"}}}"#;
        let found = reading::read(&EXTRACTOR, "app/App.deps.json", content);
        assert_eq!(found.evidence, Evidence::InstalledMetadata);
        assert_eq!(
            found.rows,
            [
                "Microsoft.NETCore.App.Runtime.linux-x64 8.0.1",
                "Newtonsoft.Json 13.0.3"
            ]
        );
    }

    #[test]
    fn an_installed_framework_names_itself() {
        let content = r#"{"libraries":{"Microsoft.AspNetCore.App.Runtime.linux-x64/8.0.1":{"type":"package"}}}"#;
        let path = "usr/share/dotnet/shared/Microsoft.AspNetCore.App/8.0.1/Microsoft.AspNetCore.App.deps.json";
        let found = reading::read(&EXTRACTOR, path, content);
        assert_eq!(
            found.rows,
            ["Microsoft.AspNetCore.App.Runtime.linux-x64 8.0.1"]
        );
    }

    #[test]
    fn a_lock_file_declares_each_framework_s_packages() {
        let content = r#"{"version":1,"dependencies":{"net8.0":{"A":{"type":"Direct","resolved":"1.0.0"},
            "B":{"type":"Transitive","resolved":"2.0.0"},"ours":{"type":"Project"}},"net6.0":{"A":{"type":"Direct","resolved":"0.9.0"}}}}"#;
        let found = reading::read(&LOCK, "src/packages.lock.json", content);
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(found.rows, ["A 0.9.0", "A 1.0.0", "B 2.0.0"]);
    }

    #[test]
    fn damage_is_noted() {
        assert_eq!(
            reading::read(&EXTRACTOR, "a.deps.json", "{").codes,
            ["dotnet.bad_json"]
        );
        assert_eq!(
            reading::read(&LOCK, "packages.lock.json", "{").codes,
            ["dotnet.bad_json"]
        );
    }
}
