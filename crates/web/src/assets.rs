//! Styles and icons, compiled in.
//!
//! Names carry a hash of the content, so an answer may be cached for ever and an upgrade is seen at once. There is no
//! font file: text uses the system's own faces until a licensed subset is at hand.
//!
//! Adding a style section: a file under `assets/css` and its line in `SECTIONS`, whose order is the cascade.

use std::sync::LazyLock;

use oci::Digest;

use crate::routes::Route;

/// `Cache-Control` of every asset.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// One file to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The content.
    pub bytes: &'static [u8],
    /// The media type.
    pub content_type: &'static str,
    /// A strong entity tag, with its quotes.
    pub etag: &'static str,
}

const SECTIONS: [&str; 7] = [
    include_str!("../assets/css/tokens.css"),
    include_str!("../assets/css/base.css"),
    include_str!("../assets/css/frame.css"),
    include_str!("../assets/css/chips.css"),
    include_str!("../assets/css/tables.css"),
    include_str!("../assets/css/cards.css"),
    include_str!("../assets/css/media.css"),
];

struct Stored {
    name: String,
    bytes: Vec<u8>,
    content_type: &'static str,
    etag: String,
}

static STYLES: LazyLock<Stored> = LazyLock::new(|| {
    let text: String = SECTIONS.iter().map(|section| compact(section)).collect();
    store("app", "css", "text/css; charset=utf-8", text.into_bytes())
});

static ICON: LazyLock<Stored> = LazyLock::new(|| {
    let bytes = include_bytes!("../assets/icon.svg").to_vec();
    store("icon", "svg", "image/svg+xml", bytes)
});

/// Returns the asset of this name, the part after `/assets/`.
pub fn asset(name: &str) -> Option<Asset> {
    let stored: &'static Stored = [&*STYLES, &*ICON].into_iter().find(|s| s.name == name)?;
    Some(Asset {
        bytes: &stored.bytes,
        content_type: stored.content_type,
        etag: &stored.etag,
    })
}

/// Returns the address of the style sheet.
pub fn styles_address() -> String {
    Route::Asset(STYLES.name.clone()).to_string()
}

/// Returns the address of the icon.
pub fn icon_address() -> String {
    Route::Asset(ICON.name.clone()).to_string()
}

fn store(stem: &str, extension: &str, content_type: &'static str, bytes: Vec<u8>) -> Stored {
    let digest = Digest::sha256(&bytes);
    let hash = &digest.hex()[..16];
    Stored {
        name: format!("{stem}-{hash}.{extension}"),
        etag: format!("\"{hash}\""),
        bytes,
        content_type,
    }
}

/// Takes comments and indentation away. The style sheets use no `/*` inside a string.
fn compact(css: &str) -> String {
    let mut text = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        text.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.lines().map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_under_their_hashed_name_only() {
        let name = STYLES.name.clone();
        assert_eq!(
            asset(&name).unwrap().content_type,
            "text/css; charset=utf-8"
        );
        assert_eq!(asset("app.css"), None);
        assert!(styles_address().ends_with(&name));
    }

    #[test]
    fn comments_and_indentation_are_not_sent() {
        assert_eq!(compact("/* why */\na {\n  b: c;\n}\n/* x */"), "a {b: c;}");
    }

    #[test]
    fn styles_ask_for_nothing_from_elsewhere() {
        let text = std::str::from_utf8(&STYLES.bytes).unwrap();
        for needle in ["url(", "@import", "http:", "https:", "/*"] {
            assert!(!text.contains(needle), "{needle}");
        }
    }
}
