//! The text of the build information: modules, and the settings of the build.
//!
//! One line each, fields separated by tabs: `path`, `mod`, `dep`, `=>` (in place of the module before it), `build`.

/// Lines read at most; the largest programs have some two thousand.
const LINE_LIMIT: usize = 100_000;

/// What a program was built from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Modules {
    pub(super) main: Option<Module>,
    pub(super) dependencies: Vec<Module>,
    /// The value of the build setting `-ldflags`.
    link_flags: String,
}

/// A module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) path: String,
    pub(super) version: String,
    /// What stands in its place.
    pub(super) replacement: Option<Box<Module>>,
}

impl Modules {
    pub(super) fn parse(text: &str) -> Self {
        let mut modules = Self::default();
        let mut last: Option<&mut Module> = None;
        for line in text.lines().take(LINE_LIMIT) {
            let (word, rest) = line.split_once('\t').unwrap_or((line, ""));
            match word {
                "mod" => last = Some(modules.main.insert(Module::parse(rest))),
                "dep" => {
                    let module = Module::parse(rest);
                    if !module.path.is_empty() {
                        modules.dependencies.push(module);
                        last = modules.dependencies.last_mut();
                    }
                }
                "=>" => {
                    if let Some(module) = last.take() {
                        module.replacement = Some(Box::new(Module::parse(rest)));
                    }
                }
                "build" => {
                    if let Some(flags) = rest.strip_prefix("-ldflags=") {
                        modules.link_flags = unquote(flags);
                    }
                }
                _ => {}
            }
        }
        modules
    }

    /// Returns the version that the linker was told to write into the program: `-X main.version=1.2.3`.
    ///
    /// Only variables of the main package or module count, whose name says that they are a version; of several different
    /// values none does.
    pub(super) fn linked_version(&self, module: &str) -> Option<String> {
        let mut versions = self
            .variables()
            .into_iter()
            .filter(|(variable, _)| is_version_variable(variable, module))
            .map(|(_, value)| value)
            .filter(|value| is_version(value));
        let first = versions.next()?;
        let number = first.trim_start_matches('v');
        versions
            .all(|other| other.trim_start_matches('v') == number)
            .then_some(first)
    }

    /// The variables that the linker sets: `-X a.b=c`, `-X=a.b=c`, each possibly in quotes.
    fn variables(&self) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        let mut flags = words(&self.link_flags).into_iter();
        while let Some(flag) = flags.next() {
            let flag = flag.trim_start_matches('-');
            let setting = match flag.strip_prefix("X=") {
                Some(setting) => Some(setting.to_owned()),
                None if flag == "X" => flags.next(),
                None => None,
            };
            let parts = setting
                .as_deref()
                .and_then(|setting| setting.split_once('='));
            if let Some((variable, value)) = parts {
                variables.push((variable.to_owned(), value.trim().to_owned()));
            }
        }
        variables
    }
}

impl Module {
    /// `path`, version, checksum.
    fn parse(fields: &str) -> Self {
        let mut fields = fields.split('\t');
        let mut next = || fields.next().unwrap_or_default().to_owned();
        Self {
            path: next(),
            version: next(),
            replacement: None,
        }
    }
}

fn is_version_variable(variable: &str, module: &str) -> bool {
    const NAMES: [&str; 7] = [
        "version",
        "appversion",
        "buildversion",
        "gitversion",
        "releaseversion",
        "semver",
        "currentversion",
    ];
    let Some((package, name)) = variable.rsplit_once('.') else {
        return false;
    };
    let is_ours = package == "main"
        || package
            .strip_prefix(module)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_ours && NAMES.contains(&name.to_ascii_lowercase().as_str())
}

/// Returns whether a text is a version: digits, a dot, a digit, and no white space.
fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or(text);
    let Some((major, rest)) = number.split_once('.') else {
        return false;
    };
    !major.is_empty()
        && major.bytes().all(|byte| byte.is_ascii_digit())
        && rest.starts_with(|first: char| first.is_ascii_digit())
        && !text.contains(char::is_whitespace)
        && text.len() <= 100
}

/// Splits a command line at white space outside quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut is_open = false;
    for letter in line.chars() {
        match quote {
            Some(end) if letter == end => quote = None,
            Some(_) => word.push(letter),
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                is_open = true;
            }
            None if letter.is_whitespace() => {
                if is_open {
                    words.push(std::mem::take(&mut word));
                    is_open = false;
                }
            }
            None => {
                word.push(letter);
                is_open = true;
            }
        }
    }
    if is_open {
        words.push(word);
    }
    words
}

/// Reads a value that was quoted because it holds quotes, backslashes or white space.
///
/// # Source
/// `runtime/debug.BuildInfo.String`: such values are Go string literals.
fn unquote(value: &str) -> String {
    if let Some(raw) = value.strip_prefix('`') {
        return raw.trim_end_matches('`').to_owned();
    }
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            _ => text.push(letter),
        }
    }
    text
}
