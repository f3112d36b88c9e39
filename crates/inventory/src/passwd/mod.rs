//! The image's own `etc/passwd`: which names are uid 0.
//!
//! Not read here: `shadow`, groups, and other name services, which do not exist inside an image at rest.

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::report::{Rows, UserRow};

/// Where the user database lies.
pub(crate) const PATH: &[u8] = b"etc/passwd";

/// An image with more users than this is no image.
const USER_LIMIT: usize = 10_000;

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "passwd",
    version: 1,
    literals: &["etc/passwd"],
    accepts: |path| path == PATH,
    wanted: Wanted::Document,
    ownable: false,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let text = String::from_utf8_lossy(file.content);
    let mut users = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Some(user) = user(line) else {
            notes.warning("passwd.bad_line", "a line is not `name:password:uid:…`");
            continue;
        };
        if users.len() == USER_LIMIT {
            notes.error("limit.users", format!("more than {USER_LIMIT} users"));
            break;
        }
        users.push(user);
    }
    Rows::Users(users)
}

fn user(line: &str) -> Option<UserRow> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let uid = fields.nth(1)?.parse().ok()?;
    Some(UserRow {
        name: name.to_owned(),
        uid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_does_not_hide_the_next_user() {
        let content = b"root:x:0:0:root:/root:/bin/sh\nbroken\n\ntoor:x:0:0::/:/bin/sh\napp:x:1000:1000::/:\n";
        let mut notes = Notes::new(PATH);
        let rows = parse(
            &File {
                path: PATH,
                content,
            },
            &mut notes,
        );
        let Rows::Users(users) = rows else {
            panic!("passwd gives users")
        };
        let users: Vec<_> = users.iter().map(|u| (u.name.as_str(), u.uid)).collect();
        assert_eq!(users, [("root", 0), ("toor", 0), ("app", 1000)]);
        assert_eq!(notes.into_list().len(), 1);
    }
}
