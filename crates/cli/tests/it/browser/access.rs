//! The pages without a mouse and without eyes: every control is reached by the tabulator key in the order in which it is
//! seen, with a ring around it, and the document says what it shows.
//!
//! The rules are in `access.js`, `keys.js` and `walked.js`, which run in the page and return what is wrong with it.
//!
//! Adding a rule: a few lines there, and a page that breaks it in [`every_rule_finds_what_breaks_it`].

use rstest::rstest;

use super::driver::{Browser, ENTER, ESCAPE, Setup, TAB};
use super::{pages, seeded, sign_in};
use crate::serve::{Server, Site};

fn complaints(browser: &Browser) -> Vec<String> {
    let found = browser.run(include_str!("access.js"));
    let found = found.as_array().expect("a list").iter();
    found
        .map(|one| one.as_str().expect("a text").to_owned())
        .collect()
}

/// Goes through a page by the tabulator key and returns what was wrong on the way.
fn walk(browser: &Browser) -> Vec<String> {
    let controls = browser.run(include_str!("keys.js"));
    let controls = controls.as_u64().expect("a number of controls");
    browser.press_tab(usize::try_from(controls).expect("few"));
    let found = browser.run(include_str!("walked.js"));
    let found = found.as_array().expect("a list").iter();
    found
        .map(|one| one.as_str().expect("a text").to_owned())
        .collect()
}

#[rstest]
#[case::light("light")]
#[case::dark("dark")]
fn every_page_is_for_everybody(#[case] scheme: &'static str) {
    let server = seeded();
    let browser = Browser::start(Setup {
        scripts: true,
        scheme,
    });
    let mut broken = Vec::new();
    let mut look = |page: &str| {
        for width in [1440, 360] {
            browser.resize(width);
            let mut found = complaints(&browser);
            found.extend(walk(&browser));
            broken.extend(
                found
                    .into_iter()
                    .map(|one| format!("{page} {width}: {one}")),
            );
        }
    };
    browser.open(&format!("http://{}/sign-in", server.host()));
    look("sign-in");
    sign_in(&browser, &server);
    for (page, path) in pages(&server) {
        browser.open(&format!("http://{}{path}", server.host()));
        look(page);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[rstest]
fn the_narrow_menu_opens_by_its_button_and_closes_by_escape(#[values(true, false)] scripts: bool) {
    let server = Site::new().start();
    let browser = Browser::start(Setup {
        scripts,
        scheme: "light",
    });
    browser.resize(360);
    sign_in(&browser, &server);
    browser.hides("Sign out");
    browser.click(".menu");
    browser.says("Sign out");
    let (content, window) = browser.widths();
    assert!(content <= window, "{content} of {window}");
    browser.press(ESCAPE, 1);
    browser.hides("Sign out");
    // The button has the keyboard again, and what it opens comes next.
    browser.press(ENTER, 1);
    browser.says("Sign out");
    browser.press(TAB, 1);
    browser.press(ENTER, 1);
    browser.says("No repositories yet");
    browser.hides("Sign out");
    browser.click(".menu");
    browser.says("Sign out");
    browser.click("main");
    browser.hides("Sign out");
    browser.resize(1440);
    browser.says("Sign out");
    browser.hides("Menu");
}

/// Breaks a page that is whole, and expects to hear of it.
#[track_caller]
fn breaks(browser: &Browser, server: &Server, script: &str, words: &str) {
    browser.open(&format!("http://{}/sign-in", server.host()));
    assert_eq!(complaints(browser), Vec::<String>::new());
    browser.run(script);
    let found = complaints(browser);
    assert!(
        found.iter().any(|one| one.contains(words)),
        "{words}: {found:?}"
    );
}

#[test]
fn every_rule_finds_what_breaks_it() {
    let server = Site::new().start();
    let browser = Browser::start(Setup {
        scripts: true,
        scheme: "light",
    });
    browser.resize(1440);
    let add = |html: &str| {
        format!("document.querySelector('main').insertAdjacentHTML('beforeend', `{html}`)")
    };
    for (script, words) in [
        (
            "document.documentElement.lang = ''".to_owned(),
            "no language",
        ),
        (add("<h1>Second</h1>"), "2 first headings"),
        (add("<h4>Deep</h4>"), "skips"),
        (add("<p id=main>x</p>"), "an id that is there already"),
        (add("<label for=none>x</label>"), "for leads nowhere"),
        (
            add("<nav><a href=/>x</a></nav>"),
            "a navigation without a name",
        ),
        (add("<section>x</section>"), "a section without a name"),
        (
            add("<table><tr><th scope=col>x</table>"),
            "without a caption",
        ),
        (
            add("<table><caption>x</caption><tr><th>x</table>"),
            "without a scope",
        ),
        (add("<img src=/assets/none>"), "an image without words"),
        (add("<svg></svg>"), "a drawing without words"),
        (add("<input>"), "no name"),
        (add("<button></button>"), "no name"),
        (
            add("<a href=/><button>x</button></a>"),
            "a control in a control",
        ),
        (
            format!(
                "{}; document.querySelector('#small').style.cssText = 'all: unset'",
                add("<button id=small>x</button>")
            ),
            "is small",
        ),
        (add("<a href=/ tabindex=3>x</a>"), "an order of its own"),
        (
            "document.body.append('x'); document.body.append(document.createElement('p'))"
                .to_owned(),
            "outside every landmark",
        ),
        (
            "document.querySelector('h1').style.color = '#999'".to_owned(),
            "contrast",
        ),
    ] {
        breaks(&browser, &server, &script, words);
    }
    for (script, words) in [
        ("document.querySelector('#password').tabIndex = -1", "step"),
        (
            "document.querySelector('button').style.outline = 'none'",
            "no ring",
        ),
        (
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<a id=back href=/>x</a>'); \
             document.querySelector('#back').style.cssText = 'position: absolute; top: 0; left: 0'",
            "a step back",
        ),
    ] {
        browser.open(&format!("http://{}/sign-in", server.host()));
        assert_eq!(walk(&browser), Vec::<String>::new());
        browser.open(&format!("http://{}/sign-in", server.host()));
        browser.run(script);
        let found = walk(&browser);
        assert!(
            found.iter().any(|one| one.contains(words)),
            "{words}: {found:?}"
        );
    }
}
