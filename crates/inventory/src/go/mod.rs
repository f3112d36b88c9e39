//! Go programs: the build information that the linker leaves in every program built from modules.
//!
//! `finder` finds it while an executable passes, `modules` reads its text. Listed are the main module, the modules it
//! was built from (a replacement in place of what it replaces) and the standard library, whose version is the
//! toolchain's. A version that nobody chose is unknown and stays empty: `(devel)`, a pseudo-version of the main module,
//! a directory in place of a module. For the main module the linker's `-X` settings are asked first.
//!
//! Beside it: [`requirements`], the `go.mod` of a project. Not read: which functions of a module are in the program, the symbol table of programs built without modules.
//!
//! # Source
//! Go's documentation of `debug/buildinfo` and `runtime/debug.ParseBuildInfo`; the layout is described in `finder`.

mod finder;
mod modules;
mod requirements;

pub(crate) use requirements::REQUIREMENTS;

use evidence::{Evidence, PackageType};

use crate::executable::{self, Probe};
use crate::extractor::{Extractor, Notes, Wanted, has_room};
use crate::report::{Group, PackageRow};
use finder::{BuildInfo, Finder};
use modules::{Module, Modules};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "go",
    version: 1,
    literals: &[],
    accepts: |_| false,
    wanted: Wanted::Executable(probe),
    ownable: false,
    parse: |file, notes| executable::read(probe(file.path), file, notes),
};

/// The name under which advisories list the standard library.
const STANDARD_LIBRARY: &str = "stdlib";

fn probe(_path: &[u8]) -> Box<dyn Probe> {
    Box::new(Finder::default())
}

/// Turns what a program says about itself into packages.
fn group(info: &BuildInfo, notes: &mut Notes) -> Group {
    let modules = Modules::parse(&info.modules);
    let mut rows = vec![PackageRow {
        name: STANDARD_LIBRARY.to_owned(),
        version: toolchain(&info.version).unwrap_or_default(),
        ..PackageRow::default()
    }];
    if let Some(main) = modules.main.as_ref().filter(|main| !main.path.is_empty()) {
        rows.push(PackageRow {
            name: main.path.clone(),
            version: main_version(main, &modules),
            ..PackageRow::default()
        });
    } else {
        notes.info(
            "go.no_modules",
            "the program was built without modules: only the standard library is known",
        );
    }
    for module in &modules.dependencies {
        if !has_room(rows.len(), notes) {
            break;
        }
        rows.push(dependency(module));
    }
    Group {
        kind: PackageType::Golang,
        evidence: Evidence::Embedded,
        inside: String::new(),
        rows,
    }
}

/// A module, or what stands in its place. A directory in place of a module has neither name nor version of its own.
fn dependency(module: &Module) -> PackageRow {
    let is_directory = |path: &str| path.starts_with('.') || path.starts_with('/');
    let (name, version) = match module.replacement.as_deref() {
        Some(with) if is_directory(&with.path) => (&module.path, ""),
        Some(with) => (&with.path, with.version.as_str()),
        None => (&module.path, module.version.as_str()),
    };
    PackageRow {
        name: name.clone(),
        version: known(version).unwrap_or_default().to_owned(),
        ..PackageRow::default()
    }
}

fn main_version(main: &Module, modules: &Modules) -> String {
    let stated = known(&main.version).filter(|version| !is_pseudo(version));
    stated
        .map(str::to_owned)
        .or_else(|| modules.linked_version(&main.path))
        .unwrap_or_default()
}

fn known(version: &str) -> Option<&str> {
    Some(version).filter(|version| !version.is_empty() && *version != "(devel)")
}

/// Returns whether a version only names a commit: `v0.0.0-20210121094942-22b2f8951d46`.
///
/// # Source
/// The Go modules reference, "Pseudo-versions".
fn is_pseudo(version: &str) -> bool {
    let version = version.split('+').next().unwrap_or_default();
    let Some((rest, revision)) = version.rsplit_once('-') else {
        return false;
    };
    let time = rest.rsplit(['-', '.']).next().unwrap_or_default();
    revision.len() == 12
        && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
        && time.len() == 14
        && time.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the version of a toolchain: `go1.22.1 X:boringcrypto` is 1.22.1, `devel go1.23-a1b2c3` is none.
fn toolchain(text: &str) -> Option<String> {
    let version = text.strip_prefix("go")?;
    let version = version
        .split([' ', '-', '+'])
        .next()
        .filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests;
